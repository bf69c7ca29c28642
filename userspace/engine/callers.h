// Who may ask on attest.sock: the plugin of a guard's agent, told by ancestry. Uid alone admits nobody.
//
// The caller is a direct child of the process that serves the guard, or was forked by a supervisor of the same image
// that is one. Parents and images are the kernel's word at this instant. Loop thread only.
#ifndef BELFRY_ENGINE_CALLERS_H_
#define BELFRY_ENGINE_CALLERS_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "engine/guard.h"
#include "kernel/kernel.h"

namespace belfry::engine {

// The guard that `caller` may ask about; `name` empty: whichever it belongs to. PermissionDenied: none, or not that one.
absl::StatusOr<uint32_t> GuardOfCaller(kernel::Kernel& kernel, Guards& guards, uint32_t caller, const std::string& name);

}  // namespace belfry::engine

#endif  // BELFRY_ENGINE_CALLERS_H_
