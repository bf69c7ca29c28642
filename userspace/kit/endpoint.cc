#include "kit/endpoint.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <cstring>

namespace belfry::kit {
namespace {

constexpr std::array<uint8_t, 12> kMapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

bool IsMapped(const std::array<uint8_t, 16>& address) { return std::equal(kMapped.begin(), kMapped.end(), address.begin()); }

bool IsAny(const std::array<uint8_t, 16>& address) {
  const size_t from = IsMapped(address) ? kMapped.size() : 0;
  return std::all_of(address.begin() + from, address.end(), [](uint8_t byte) { return byte == 0; });
}

bool ParsePort(const std::string& text, uint16_t& port) {
  const char* const end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, port);
  return error == std::errc() && rest == end && port != 0;
}

bool ParseAddress(const std::string& text, bool in_brackets, std::array<uint8_t, 16>& address) {
  if (in_brackets) return inet_pton(AF_INET6, text.c_str(), address.data()) == 1 && !IsAny(address);
  std::copy(kMapped.begin(), kMapped.end(), address.begin());
  return inet_pton(AF_INET, text.c_str(), address.data() + kMapped.size()) == 1 && !IsAny(address);
}

}  // namespace

std::optional<Endpoint> ParseEndpoint(const std::string& text) {
  Endpoint endpoint;
  const size_t colon = text.rfind(':');
  if (text.find('\0') != std::string::npos || !ParsePort(colon == std::string::npos ? text : text.substr(colon + 1), endpoint.port))
    return std::nullopt;
  if (colon == std::string::npos) return endpoint;
  std::string address = text.substr(0, colon);
  const bool in_brackets = address.size() > 2 && address.front() == '[' && address.back() == ']';
  if (in_brackets) address = address.substr(1, address.size() - 2);
  return ParseAddress(address, in_brackets, endpoint.address) ? std::optional(endpoint) : std::nullopt;
}

std::string AddressText(const std::array<uint8_t, 16>& address) {
  char text[INET6_ADDRSTRLEN] = {};
  if (IsMapped(address))
    inet_ntop(AF_INET, address.data() + kMapped.size(), text, sizeof text);
  else
    inet_ntop(AF_INET6, address.data(), text, sizeof text);
  return text;
}

std::string EndpointText(const Endpoint& endpoint) {
  const std::string port = std::to_string(endpoint.port);
  if (endpoint.address == std::array<uint8_t, 16>{}) return port;
  if (IsMapped(endpoint.address)) return AddressText(endpoint.address) + ":" + port;
  return "[" + AddressText(endpoint.address) + "]:" + port;
}

}  // namespace belfry::kit
