// One sentence for each reason a verdict can name: what it means, and what to do.
#ifndef BELFRY_CLI_REASON_WORDS_H_
#define BELFRY_CLI_REASON_WORDS_H_

#include <string_view>

namespace belfry::cli {

struct ReasonWords {
  std::string_view name;  // of design 4, or "no_such_process"
  std::string_view meaning;
  std::string_view advice;
};

// A reason that this version does not know gets words that say so.
const ReasonWords& WordsFor(std::string_view reason);

}  // namespace belfry::cli

#endif  // BELFRY_CLI_REASON_WORDS_H_
