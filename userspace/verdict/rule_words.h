// Why a rule fits or does not, in words: field by field, what it asks and what was found.
// Pure; thread-safe. Texts are escaped and short.
#ifndef BELFRY_VERDICT_RULE_WORDS_H_
#define BELFRY_VERDICT_RULE_WORDS_H_

#include <string>
#include <vector>

#include "verdict/opener.h"
#include "verdict/rule.h"
#include "verdict/rules.h"

namespace belfry::verdict {

inline constexpr char kNotAllowed[] = "not_allowed";  // the reason, wherever reasons are told

// One field of a rule, held against an opener.
struct Compared {
  Field field = Field::kExe;
  bool excluded = false;  // the rule says `not`
  bool holds = false;
  std::string asked;  // "/usr/bin/payments or /usr/bin/billing"
  std::string found;  // "/usr/bin/curl"; "not known: its exec was not seen"; "none"
};
// In the order of the fields; only what the rule asks.
std::vector<Compared> Compare(const Rule& rule, const Opener& opener);

// "exe is /usr/bin/curl, not /usr/bin/payments"; "uid is 0, which it excludes".
std::string Mismatch(const Compared& compared);

// One line for a decision that does not allow: "no rule fits; nearest is payments: exe is ..., not ...".
std::string WhyNot(const Rules& rules, const Decision& decision, const Opener& opener);

}  // namespace belfry::verdict

#endif  // BELFRY_VERDICT_RULE_WORDS_H_
