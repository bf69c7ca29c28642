#include "engine/guarded_ports.h"

#include <cstring>

namespace belfry::engine {

std::vector<kernel::GuardedPort> PortsOf(Guards& guards) {
  std::vector<kernel::GuardedPort> all;
  for (const Guard& guard : guards.all())
    for (size_t socket = 0; socket < guard.config.sockets.size(); ++socket)
      if (const auto& endpoint = guard.config.sockets[socket].endpoint)
        all.push_back(PortOf(*endpoint, guard.number, static_cast<uint32_t>(socket)));
  return all;
}

kernel::GuardedPort PortOf(const kit::Endpoint& endpoint, uint32_t guard, uint32_t socket) {
  kernel::GuardedPort port{.guard = guard, .socket = socket, .port = endpoint.port};
  static_assert(sizeof port.address == sizeof endpoint.address);
  memcpy(&port.address, endpoint.address.data(), sizeof port.address);
  return port;
}

effect::Address AddressOf(const belfry_address& address, uint16_t port) {
  std::array<uint8_t, sizeof address> bytes{};
  memcpy(bytes.data(), &address, sizeof address);
  return {kit::AddressText(bytes), port};
}

}  // namespace belfry::engine
