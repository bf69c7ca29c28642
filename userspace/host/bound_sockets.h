// Which names are bound to unix sockets, and of what kind: only stream sockets have connections that are seen.
//
// Source: /proc/net/unix of our own network namespace (unix(7)): names as they were bound, each zero byte of an abstract one
// as "@". For people, never for a verdict.
// Thread-safe.
#ifndef BELFRY_HOST_BOUND_SOCKETS_H_
#define BELFRY_HOST_BOUND_SOCKETS_H_

#include <map>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace belfry::host {

// "/run/x.sock" or "@x" to "stream", "datagram" or "seqpacket"; "stream" where several are bound.
using BoundSockets = std::map<std::string, std::string>;
inline constexpr char kStream[] = "stream";

BoundSockets ParseBoundSockets(std::string_view proc_net_unix);
absl::StatusOr<BoundSockets> ReadBoundSockets();

}  // namespace belfry::host

#endif  // BELFRY_HOST_BOUND_SOCKETS_H_
