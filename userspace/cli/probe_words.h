// What each probe of kernel/probes.h means to someone who never heard of BPF.
#ifndef BELFRY_CLI_PROBE_WORDS_H_
#define BELFRY_CLI_PROBE_WORDS_H_

#include <string_view>

namespace belfry::cli {

// "a probe of the kernel" for names that this version does not know.
std::string_view WordsForProbe(std::string_view name);

}  // namespace belfry::cli

#endif  // BELFRY_CLI_PROBE_WORDS_H_
