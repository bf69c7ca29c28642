// The off switch for a kernel part whose daemon is gone: what is pinned refuses nothing any more.
// Needs neither a daemon nor a configuration, and works on pins of every layout (wire.h: belfry_guard.mode is first).
#ifndef BELFRY_KERNEL_OFF_SWITCH_H_
#define BELFRY_KERNEL_OFF_SWITCH_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/statusor.h"

namespace belfry::kernel {

// Sets guard `number`, or every guard, to observe below `bpffs`. Returns how many denied before.
absl::StatusOr<int> LetPass(const std::string& bpffs, std::optional<uint32_t> number);

}  // namespace belfry::kernel

#endif  // BELFRY_KERNEL_OFF_SWITCH_H_
