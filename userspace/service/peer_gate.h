// Accepts connections in one thread of its own, decides who may come in, and gives each a gRPC server of its own.
//
// Invariants: a call is served with the credentials of the connection it came on (connection.h says why that is so);
// no peer can keep others out (per process, per user and in all limits; for room, the oldest connection that was never
// answered as one that belongs here is evicted); running out of descriptors refuses peers and never stops the thread.
// gRPC's callback threads are shared by all servers: neither a connection nor a call costs a thread.
// Owned by one thread; Stop may be called once.
#ifndef BELFRY_SERVICE_PEER_GATE_H_
#define BELFRY_SERVICE_PEER_GATE_H_

#include <grpcpp/impl/codegen/service_type.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "service/connection.h"
#include "service/credentials.h"
#include "service/listener.h"

namespace belfry::service {

struct GateOptions {
  std::function<bool(const Credentials&)> admits = [](const Credentials&) { return true; };
  size_t connections_per_process = 32;
  size_t connections_per_user = 64;  // root is not limited by user
  size_t connections = 1024;         // or an eighth of RLIMIT_NOFILE, if that is less
  int calls_per_connection = 1024;   // at once; HTTP/2 lets the client wait with more
  int request_bytes = 64 << 10;
};

// The service of one connection; both the Connection and what else it holds outlive it.
using MakeService = std::function<std::unique_ptr<grpc::Service>(Connection&)>;

// Since start; any thread may read them.
struct GateCounts {
  uint64_t accepted = 0;
  uint64_t refused = 0;    // not admitted, or over a limit
  uint64_t evicted = 0;    // closed for room
  uint64_t exhausted = 0;  // closed at accept since descriptors had run out
  uint64_t open = 0;       // now
};

class PeerGate {
 public:
  static absl::StatusOr<std::unique_ptr<PeerGate>> Open(Listener listener, GateOptions options, MakeService make);
  virtual ~PeerGate() = default;  // stops with no grace if Stop was not called

  // Accepts nobody new, ends streams with Unavailable, gives pending calls `grace` to be answered, cancels the rest.
  virtual void Stop(std::chrono::milliseconds grace) = 0;
  virtual GateCounts counts() const = 0;
};

}  // namespace belfry::service

#endif  // BELFRY_SERVICE_PEER_GATE_H_
