#include "kernel/ports.h"

#include <bpf/bpf.h>

#include <algorithm>
#include <cstring>
#include <iterator>
#include <map>
#include <memory>
#include <set>

#include "absl/strings/str_cat.h"
#include "kernel/map_keys.h"
#include "kit/error.h"

namespace belfry::kernel {
namespace {

struct Before {
  template <typename Key>
  bool operator()(const Key& a, const Key& b) const {
    return memcmp(&a, &b, sizeof a) < 0;
  }
};
using Wanted = std::map<belfry_port_key, belfry_name_value, Before>;

Wanted KeysOf(std::span<const GuardedPort> ports) {
  Wanted wanted;
  for (const GuardedPort& one : ports) {
    const belfry_name_value value = {.guard = one.guard, .socket = one.socket};
    wanted.emplace(belfry_port_key{.address = one.address, .port = one.port}, value);
    belfry_port_key of_listener = {.address = {}, .port = one.port};
    std::fill(std::begin(of_listener.address.word), std::end(of_listener.address.word), BELFRY_ADDRESS_OF_LISTENER);
    wanted.emplace(of_listener, value);
  }
  return wanted;
}

}  // namespace

absl::Status WriteGuardedPorts(std::span<const GuardedPort> ports, int guards_fd, int bits_fd) {
  const Wanted wanted = KeysOf(ports);
  const auto bits = std::make_unique<belfry_ports>();
  for (const auto& [key, value] : wanted) {
    if (bpf_map_update_elem(guards_fd, &key, &value, BPF_ANY) != 0)
      return kit::ErrnoError("guarding a TCP port", "guard fewer ports");
    bits->word[key.port >> 5] |= 1u << (key.port & 31);
  }
  // Bits last, so that a port with one has its guard.
  const uint32_t zero = 0;
  if (bpf_map_update_elem(bits_fd, &zero, bits.get(), BPF_ANY) != 0)
    return kit::ErrnoError("writing the map `guarded_ports`");
  DeleteUnwanted<belfry_port_key>(guards_fd, [&](const belfry_port_key& key) { return wanted.contains(key); });
  return absl::OkStatus();
}

absl::Status WriteOwnAddresses(std::span<const belfry_address> addresses, int map_fd) {
  const std::set<belfry_address, Before> wanted(addresses.begin(), addresses.end());
  DeleteUnwanted<belfry_address>(map_fd, [&](const belfry_address& address) { return wanted.contains(address); });
  const uint32_t one = 1;
  for (const belfry_address& address : wanted)
    if (bpf_map_update_elem(map_fd, &address, &one, BPF_ANY) != 0)
      return kit::ErrnoError("telling the kernel part our own addresses",
                             absl::StrCat("more than ", BELFRY_OWN_ADDRESSES_MAX, " have no room: at the others nobody is refused"));
  return absl::OkStatus();
}

}  // namespace belfry::kernel
