// One accepted connection with the gRPC server that serves it and nothing else.
//
// Owned and used by the gate's thread only. Begin starts serving; Shut waits for its calls and may then be destroyed.
#ifndef BELFRY_SERVICE_SESSION_H_
#define BELFRY_SERVICE_SESSION_H_

#include <grpcpp/server.h>

#include <chrono>
#include <memory>
#include <utility>

#include "absl/status/statusor.h"
#include "kit/owned_fd.h"
#include "service/connection.h"
#include "service/peer_gate.h"

namespace belfry::service {

class Session {
 public:
  static absl::StatusOr<std::unique_ptr<Session>> Make(kit::OwnedFd fd, const Peer& peer, const GateOptions& options,
                                                       const MakeService& make);
  ~Session() { Shut(std::chrono::system_clock::now()); }

  // A second descriptor of the connection: it shows the hang-up that gRPC does not report, and keeps the number of the
  // first from meaning anything.
  int watched() const { return watched_.get(); }
  Connection& connection() { return connection_; }

  // The peer sees the first byte only now. Once.
  void Begin();
  // Calls that are not answered at `deadline` are cancelled, which answers them at once (unary_call.h).
  void Shut(std::chrono::system_clock::time_point deadline);

 private:
  Session(const Peer& peer, kit::OwnedFd fd, kit::OwnedFd watched)
      : connection_(peer), fd_(std::move(fd)), watched_(std::move(watched)) {}

  Connection connection_;
  kit::OwnedFd fd_;  // until Begin
  kit::OwnedFd watched_;
  std::unique_ptr<grpc::Service> service_;
  std::unique_ptr<grpc::Server> server_;
};

}  // namespace belfry::service

#endif  // BELFRY_SERVICE_SESSION_H_
