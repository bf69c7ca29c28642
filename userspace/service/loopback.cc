#include "service/loopback.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <optional>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "kit/error.h"
#include "kit/escape.h"

namespace belfry::service {
namespace {

constexpr int kBacklog = 16;

struct Bindable {
  sockaddr_storage storage{};
  socklen_t size = 0;
  bool loopback = false;
};

std::optional<Bindable> Parse(const std::string& host, uint16_t port) {
  Bindable address;
  auto& four = reinterpret_cast<sockaddr_in&>(address.storage);
  auto& six = reinterpret_cast<sockaddr_in6&>(address.storage);
  if (inet_pton(AF_INET, host.c_str(), &four.sin_addr) == 1) {
    four.sin_family = AF_INET;
    four.sin_port = htons(port);
    address.size = sizeof four;
    address.loopback = ntohl(four.sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
    return address;
  }
  if (inet_pton(AF_INET6, host.c_str(), &six.sin6_addr) != 1) return std::nullopt;
  six.sin6_family = AF_INET6;
  six.sin6_port = htons(port);
  address.size = sizeof six;
  address.loopback = IN6_IS_ADDR_LOOPBACK(&six.sin6_addr);
  return address;
}

absl::Status Refused(const std::string& text, const std::string& why) {
  return absl::InvalidArgumentError(absl::StrCat(kit::Escape(text), ", ", why));
}

const char* RemedyFor(int error) {
  switch (error) {
    case EADDRINUSE: return "stop what listens there, or name another port";
    case EAFNOSUPPORT:
    case EPERM: return "allow it in the unit: RestrictAddressFamilies=AF_INET AF_INET6 (systemctl edit belfryd), or use a unix socket";
    case EACCES: return "name a port above 1023";
    default: return "name another address, or use a unix socket";
  }
}

}  // namespace

absl::StatusOr<LoopbackAddress> ParseLoopback(const std::string& text) {
  const size_t colon = text.rfind(':');
  std::string host = colon == std::string::npos ? "127.0.0.1" : text.substr(0, colon);
  if (host == "localhost") host = "127.0.0.1";
  if (absl::StartsWith(host, "[") && absl::EndsWith(host, "]")) host = host.substr(1, host.size() - 2);
  uint32_t port = 0;
  if (!absl::SimpleAtoi(colon == std::string::npos ? text : text.substr(colon + 1), &port) || port == 0 || port > UINT16_MAX)
    return Refused(text, "which has no port from 1 to 65535");
  const auto address = Parse(host, static_cast<uint16_t>(port));
  if (!address) return Refused(text, "which is no address");
  if (!address->loopback) return Refused(text, "which others than this machine can reach");
  return LoopbackAddress{host, static_cast<uint16_t>(port)};
}

absl::StatusOr<kit::OwnedFd> ListenOnLoopback(const LoopbackAddress& address) {
  const std::string doing = absl::StrCat("listening on ", address.host, " port ", address.port);
  const auto to = Parse(address.host, address.port);
  if (!to || !to->loopback) return kit::Error(absl::StatusCode::kInvalidArgument, doing, "it is no loopback address");
  kit::OwnedFd fd(socket(to->storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const int on = 1;  // connections of a daemon that ended a moment ago do not keep the port
  if (!fd || setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
      bind(fd.get(), reinterpret_cast<const sockaddr*>(&to->storage), to->size) != 0 || listen(fd.get(), kBacklog) != 0)
    return kit::ErrnoError(doing, RemedyFor(errno));
  return fd;
}

}  // namespace belfry::service
