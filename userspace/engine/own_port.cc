#include "engine/own_port.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>

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
};

kit::OwnedFd Open(int family) {
  kit::OwnedFd fd(socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd) return fd;
  for (const int option : {SO_SNDTIMEO, SO_RCVTIMEO}) setsockopt(fd.get(), SOL_SOCKET, option, &kPatience, sizeof kPatience);
  return fd;
}

}  // namespace

absl::Status ConnectToOwnPort(const std::function<absl::Status(uint16_t)>& guard) {
  Local local{.ipv4 = {.sin_family = AF_INET, .sin_port = 0, .sin_addr = {htonl(INADDR_LOOPBACK)}, .sin_zero = {}}};
  socklen_t size = sizeof local.ipv4;
  kit::OwnedFd listener = Open(AF_INET);
  if (!listener || bind(listener.get(), &local.any, size) != 0) {
    local.ipv6 = {.sin6_family = AF_INET6, .sin6_port = 0, .sin6_flowinfo = 0, .sin6_addr = IN6ADDR_LOOPBACK_INIT, .sin6_scope_id = 0};
    size = sizeof local.ipv6;
    listener = Open(AF_INET6);
    if (!listener || bind(listener.get(), &local.any, size) != 0) return kit::ErrnoError(kDoing, kRemedy);
  }
  if (listen(listener.get(), 1) != 0 || getsockname(listener.get(), &local.any, &size) != 0) return kit::ErrnoError(kDoing, kRemedy);
  if (absl::Status s = guard(ntohs(local.ipv4.sin_port)); !s.ok()) return s;  // at one place in both kinds of address
  const kit::OwnedFd client = Open(local.any.sa_family);
  absl::Status tried;
  // Accepted: so the server's end is established, and whoever is told of that was.
  if (connect(client.get(), &local.any, size) != 0 || !kit::OwnedFd(accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC)))
    tried = kit::ErrnoError(kDoing, kRemedy);
  absl::Status unguarded = guard(0);
  return tried.ok() ? unguarded : tried;
}

}  // namespace belfry::engine
