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

// A guard that requires what cannot be seen here (bits of enum belfry_taint) does not start rather than pretend.
absl::Status CheckRequired(const Config& config, uint32_t blind_to, const std::string& backend);

// What a guard says and this backend cannot do, a line each.
std::vector<std::string> WithoutEffect(const Config& config, const std::string& backend);

}  // namespace belfry::engine

#endif  // BELFRY_ENGINE_BACKEND_LIMITS_H_
