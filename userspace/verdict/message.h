// The one line that SPIRE's log and a client's error show for a verdict.
// Pure; thread-safe. At most kMessageBytes bytes, escaped, without a newline.
#ifndef BELFRY_VERDICT_MESSAGE_H_
#define BELFRY_VERDICT_MESSAGE_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "verdict/soundness.h"

namespace belfry::verdict {

inline constexpr size_t kMessageBytes = 512;

// `pid` is the number as the asker knows it; `host_pid` the one that `belfry explain` takes (0: the same).
std::string Message(const Verdict& verdict, const std::string& guard, int64_t pid, int64_t host_pid = 0);

}  // namespace belfry::verdict

#endif  // BELFRY_VERDICT_MESSAGE_H_
