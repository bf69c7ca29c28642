#include "engine/own_port.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <cerrno>
#include <utility>

#include "kit/error.h"
#include "kit/owned_fd.h"

namespace belfry::engine {
namespace {

constexpr timeval kPatience{.tv_sec = 0, .tv_usec = 500'000};  // of each step; on the loopback device none takes any
constexpr char kDoing[] = "connecting to a TCP port of our own";
constexpr char kRemedy[] = "the loopback device must be up (`ip link set lo up`), and sockets of AF_INET or AF_INET6 allowed";

union Local {
  sockaddr any;
  sockaddr_in ipv4;
  sockaddr_in6 ipv6;

  socklen_t size() const { return any.sa_family == AF_INET ? sizeof ipv4 : sizeof ipv6; }
  uint16_t port() const { return ntohs(ipv4.sin_port); }  // at one place in both
};

Local Loopback(sa_family_t family, uint16_t port = 0) {
  if (family == AF_INET) return {.ipv4 = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(INADDR_LOOPBACK)}, .sin_zero = {}}};
  return {.ipv6 = {.sin6_family = AF_INET6, .sin6_port = htons(port), .sin6_flowinfo = 0, .sin6_addr = IN6ADDR_LOOPBACK_INIT, .sin6_scope_id = 0}};
}

kit::OwnedFd Open(int family) {
  kit::OwnedFd fd(socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd) return fd;
  for (const int option : {SO_SNDTIMEO, SO_RCVTIMEO}) setsockopt(fd.get(), SOL_SOCKET, option, &kPatience, sizeof kPatience);
  return fd;
}

kit::OwnedFd Bound(const Local& local) {
  kit::OwnedFd fd = Open(local.any.sa_family);
  return fd && bind(fd.get(), &local.any, local.size()) == 0 ? std::move(fd) : kit::OwnedFd();
}

bool TakeName(int fd, Local& local) {
  socklen_t size = local.size();
  return getsockname(fd, &local.any, &size) == 0;
}

// Whoever listens at the other family's loopback address does not matter: nothing is sent.
PortTried TryBoth(const Local& server) {
  PortTried tried;
  for (const sa_family_t family : {AF_INET, AF_INET6}) {
    const kit::OwnedFd fd = Open(family);
    if (!fd) continue;  // a machine without it
    const Local to = Loopback(family, server.port());
    (family == AF_INET ? tried.ipv4 : tried.ipv6) = connect(fd.get(), &to.any, to.size()) == 0 ? 0 : errno;
  }
  return tried;
}

}  // namespace

absl::StatusOr<PortTried> ConnectToOwnPort(const std::function<absl::Status(uint16_t)>& guard,
                                           const std::function<absl::Status(bool)>& forbid) {
  Local local = Loopback(AF_INET);
  kit::OwnedFd listener = Bound(local);
  if (!listener) listener = Bound(local = Loopback(AF_INET6));
  if (!listener || listen(listener.get(), 1) != 0 || !TakeName(listener.get(), local)) return kit::ErrnoError(kDoing, kRemedy);
  if (absl::Status s = guard(local.port()); !s.ok()) return s;
  const kit::OwnedFd client = Open(local.any.sa_family);
  absl::Status tried;
  // Accepted: so the server's end is established, and whoever is told of that was.
  if (connect(client.get(), &local.any, local.size()) != 0 || !kit::OwnedFd(accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC)))
    tried = kit::ErrnoError(kDoing, kRemedy);
  PortTried refused;
  if (tried.ok()) tried = forbid(true);
  if (tried.ok()) refused = TryBoth(local);
  if (absl::Status s = forbid(false); tried.ok()) tried = s;
  if (absl::Status s = guard(0); tried.ok()) tried = s;
  if (!tried.ok()) return tried;
  return refused;
}

}  // namespace belfry::engine
