#include "engine/ports.h"

#include <netinet/in.h>
#include <sys/epoll.h>

#include <algorithm>
#include <cstring>
#include <utility>
#include <vector>

#include "engine/guard_numbers.h"
#include "engine/guarded_ports.h"

namespace belfry::engine {
namespace {

const belfry_address kLoopbackIpv4{{0, 0, htonl(0xffff), htonl(INADDR_LOOPBACK)}}, kLoopbackIpv6{{0, 0, 0, htonl(1)}};

std::vector<belfry_address> WireAddresses(const std::set<host::IpAddress>& addresses) {
  std::vector<belfry_address> all;
  for (const host::IpAddress& address : addresses) memcpy(&all.emplace_back(), address.data(), sizeof(belfry_address));
  return all;
}

}  // namespace

Ports::~Ports() {
  if (watch_) loop_.Unwatch(watch_->fd());
}

absl::Status Ports::Guard(uint16_t canary_port) {
  std::vector<kernel::GuardedPort> ports = PortsOf(guards_);
  if (!ports.empty()) Watch();
  if (canary_port != 0)  // where it tries, and nowhere else: others may have that number at another address
    for (const belfry_address& loopback : {kLoopbackIpv4, kLoopbackIpv6})
      ports.push_back({.guard = kCanaryGuard, .address = loopback, .port = canary_port});
  Look();
  return kernel_.SetGuardedPorts(ports);
}

void Ports::Watch() {
  if (watch_) return;
  auto watch = host::AddressWatch::Open();
  if (!watch.ok()) return Tell(watch.status());
  watch_ = *std::move(watch);
  Tell(loop_.Watch(watch_->fd(), EPOLLIN, [this](uint32_t) {
    if (watch_->Changed()) Look();
  }));
}

void Ports::Look() {
  const bool any = std::any_of(guards_.all().begin(), guards_.all().end(), [](const engine::Guard& guard) { return guard.config.is_port(); });
  if (!any) return;
  auto own = host::OwnAddresses();
  if (!own.ok()) return Tell(own.status());
  if (*own == told_) return;
  const absl::Status told = kernel_.SetOwnAddresses(WireAddresses(*own));
  if (told.ok()) told_ = *std::move(own);
  Tell(told);
}

void Ports::Tell(const absl::Status& status) {
  if (status.ok()) said_.clear();
  else if (status.message() != said_) log_.Warning(said_ = std::string(status.message()));
}

}  // namespace belfry::engine
