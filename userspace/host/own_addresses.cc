#include "host/own_addresses.h"

#include <ifaddrs.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <optional>

#include "kit/error.h"

namespace belfry::host {
namespace {

std::optional<IpAddress> AddressOf(const sockaddr* socket) {
  if (socket == nullptr) return std::nullopt;
  IpAddress address{};
  if (socket->sa_family == AF_INET) {
    address[10] = address[11] = 0xff;
    memcpy(address.data() + 12, &reinterpret_cast<const sockaddr_in*>(socket)->sin_addr, 4);
    return address;
  }
  if (socket->sa_family != AF_INET6) return std::nullopt;
  memcpy(address.data(), &reinterpret_cast<const sockaddr_in6*>(socket)->sin6_addr, address.size());
  return address;
}

}  // namespace

absl::StatusOr<std::set<IpAddress>> OwnAddresses() {
  ifaddrs* first = nullptr;
  if (getifaddrs(&first) != 0)
    return kit::ErrnoError("asking for this machine's addresses", "sockets of AF_NETLINK must be allowed (RestrictAddressFamilies=)");
  const std::unique_ptr<ifaddrs, void (*)(ifaddrs*)> all(first, freeifaddrs);
  std::set<IpAddress> own;
  for (const ifaddrs* one = first; one != nullptr; one = one->ifa_next)
    if (const auto address = AddressOf(one->ifa_addr)) own.insert(*address);
  return own;
}

absl::StatusOr<AddressWatch> AddressWatch::Open() {
  kit::OwnedFd fd(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE));
  sockaddr_nl address{};
  address.nl_family = AF_NETLINK;
  address.nl_groups = RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR;
  if (!fd || bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    return kit::ErrnoError("watching this machine's addresses", "sockets of AF_NETLINK must be allowed (RestrictAddressFamilies=)");
  return AddressWatch(std::move(fd));
}

// What was too much for the socket's buffer was a change too (ENOBUFS).
bool AddressWatch::Changed() {
  bool changed = false;
  char message[8192];
  while (true) {
    const ssize_t got = recv(fd_.get(), message, sizeof message, MSG_TRUNC);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno != ENOBUFS) return changed;
    changed = true;
  }
}

}  // namespace belfry::host
