// How the demo's director, its actors and its agent talk: one JSON value per packet on a SOCK_SEQPACKET pair.
//
// Director to actor: ["verb", "argument", ...]. Actor to director: {"ok":true,"value":...} or {"ok":false,"error":"..."}.
// The agent also speaks unasked: {"event":"..."}. A packet may carry one descriptor.
// Source: this demo only; nothing outside it speaks this.
#ifndef BELFRY_DEMO_WIRE_H_
#define BELFRY_DEMO_WIRE_H_

#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "kit/owned_fd.h"
#include "nlohmann/json.hpp"

namespace belfry::demo {

using Json = nlohmann::json;

struct Packet {
  Json body;
  kit::OwnedFd fd;
};

inline constexpr size_t kPacketBytes = 128 * 1024;

absl::StatusOr<std::pair<kit::OwnedFd, kit::OwnedFd>> ControlPair();  // both close-on-exec

// `pass` < 0: no descriptor goes with it.
absl::Status SendPacket(int control, const Json& body, int pass = -1);

// Waits at most `timeout_ms` (-1: for ever). DeadlineExceeded, or Unavailable when the other side is gone.
absl::StatusOr<Packet> ReceivePacket(int control, int timeout_ms);

}  // namespace belfry::demo

#endif  // BELFRY_DEMO_WIRE_H_
