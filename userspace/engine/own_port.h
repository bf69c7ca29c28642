// Connections of ours to a TCP port of ours, for the canary: guarded and open for no longer than that takes.
#ifndef BELFRY_ENGINE_OWN_PORT_H_
#define BELFRY_ENGINE_OWN_PORT_H_

#include <cstdint>
#include <functional>
#include <optional>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace belfry::engine {

struct PortTried {
  std::optional<int> ipv4, ipv6;  // what a connect against the rules gave: an errno, 0 if it got through; none: not tried
};

// On the loopback device, of IPv6 where there is no IPv4; then again by either while nobody may. Once it has returned OK the
// first one's server end was established. Waits for two seconds at most. `guard` is called with the port, then with 0;
// `forbid` with true, then with false.
absl::StatusOr<PortTried> ConnectToOwnPort(const std::function<absl::Status(uint16_t)>& guard,
                                           const std::function<absl::Status(bool)>& forbid);

}  // namespace belfry::engine

#endif  // BELFRY_ENGINE_OWN_PORT_H_
