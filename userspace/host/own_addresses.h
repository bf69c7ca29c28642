// Which IP addresses are this machine's: those of the interfaces of our own network namespace.
//
// Not those that a route alone makes local (`ip route add local`), as some balancers use. Function thread-safe;
// AddressWatch is not.
#ifndef BELFRY_HOST_OWN_ADDRESSES_H_
#define BELFRY_HOST_OWN_ADDRESSES_H_

#include <array>
#include <cstdint>
#include <set>

#include "absl/status/statusor.h"
#include "kit/owned_fd.h"

namespace belfry::host {

using IpAddress = std::array<uint8_t, 16>;  // network order; IPv4 as ::ffff:a.b.c.d

absl::StatusOr<std::set<IpAddress>> OwnAddresses();

// Tells that addresses came or went (rtnetlink(7)).
class AddressWatch {
 public:
  static absl::StatusOr<AddressWatch> Open();

  int fd() const { return fd_.get(); }  // for poll: POLLIN when they did
  bool Changed();                       // since the last call, or since Open

 private:
  explicit AddressWatch(kit::OwnedFd fd) : fd_(std::move(fd)) {}
  kit::OwnedFd fd_;
};

}  // namespace belfry::host

#endif  // BELFRY_HOST_OWN_ADDRESSES_H_
