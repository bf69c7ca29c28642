// What a configuration asks of the backend that is live: refused where it must not be missed, said where it has no effect.
// Pure; thread-safe.
#ifndef BELFRY_ENGINE_BACKEND_LIMITS_H_
#define BELFRY_ENGINE_BACKEND_LIMITS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "engine/config.h"

namespace belfry::engine {

// What of a kernel::Kernel counts here.
struct BackendTraits {
  std::string name;
  uint32_t blind_to = 0;         // bits of enum belfry_taint
  bool refuses_connects = true;  // in the kernel
};

// A guard that requires what cannot be seen here, or what cannot be refused, does not start rather than pretend.
absl::Status CheckRequired(const Config& config, const BackendTraits& backend);

// Why such a guard cannot be in deny, and what to do then; empty: it can.
struct NoDeny {
  std::string why, remedy;
};
NoDeny WhyNoDeny(const GuardConfig& guard, const BackendTraits& backend);
// Of a TCP port, on any backend. Its rules are asked for, its sockets are not.
NoDeny WhyNoDenyOfPort(const GuardConfig& guard);

// What a guard says and this backend cannot do, a line each.
std::vector<std::string> WithoutEffect(const Config& config, const std::string& backend);

}  // namespace belfry::engine

#endif  // BELFRY_ENGINE_BACKEND_LIMITS_H_
