// A connection of ours to a TCP port of ours, for the canary: guarded and open for no longer than that takes.
#ifndef BELFRY_ENGINE_OWN_PORT_H_
#define BELFRY_ENGINE_OWN_PORT_H_

#include <cstdint>
#include <functional>

#include "absl/status/status.h"

namespace belfry::engine {

// On the loopback device, of IPv6 where there is no IPv4. Once it has returned OK the server's end was established.
// Waits for a second at most. `guard` is called with the port, then with 0.
absl::Status ConnectToOwnPort(const std::function<absl::Status(uint16_t)>& guard);

}  // namespace belfry::engine

#endif  // BELFRY_ENGINE_OWN_PORT_H_
