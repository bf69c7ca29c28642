// An address and a port of TCP, as text and as bytes. IPv4 is ::ffff:a.b.c.d throughout, and shown as a.b.c.d. Pure.
#ifndef BELFRY_KIT_ENDPOINT_H_
#define BELFRY_KIT_ENDPOINT_H_

#include <array>
#include <cstdint>
#include <optional>
#include <string>

namespace belfry::kit {

struct Endpoint {
  std::array<uint8_t, 16> address{};  // network order; zero: any
  uint16_t port = 0;

  bool operator==(const Endpoint&) const = default;
};

// "8081", "127.0.0.1:8081", "[::1]:8081"; nothing else, and no port 0. Any address is said by saying none.
std::optional<Endpoint> ParseEndpoint(const std::string& text);

std::string AddressText(const std::array<uint8_t, 16>& address);
// As ParseEndpoint reads it.
std::string EndpointText(const Endpoint& endpoint);

}  // namespace belfry::kit

#endif  // BELFRY_KIT_ENDPOINT_H_
