// Which paths are bound to unix sockets that have no connections, or none that are seen: datagram and seqpacket ones.
//
// Source: /proc/net/unix of our own network namespace (unix(7)): paths as they were bound. For people, never for a verdict.
// Thread-safe.
#ifndef BELFRY_HOST_BOUND_SOCKETS_H_
#define BELFRY_HOST_BOUND_SOCKETS_H_

#include <map>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace belfry::host {

// Path to what it is: "datagram" or "seqpacket"; without those at which a stream socket is bound too.
using UnseenSockets = std::map<std::string, const char*>;

UnseenSockets ParseUnseenSockets(std::string_view proc_net_unix);
absl::StatusOr<UnseenSockets> ReadUnseenSockets();

}  // namespace belfry::host

#endif  // BELFRY_HOST_BOUND_SOCKETS_H_
