#include "service/session.h"

#include <fcntl.h>
#include <grpcpp/server_builder.h>
#include <grpcpp/server_posix.h>

#include <utility>

#include "kit/error.h"

namespace belfry::service {

absl::StatusOr<std::unique_ptr<Session>> Session::Make(kit::OwnedFd fd, const Peer& peer, const GateOptions& options,
                                                       const MakeService& make) {
  kit::OwnedFd watched(fcntl(fd.get(), F_DUPFD_CLOEXEC, 0));
  if (!watched) return kit::ErrnoError("watching an accepted connection");
  std::unique_ptr<Session> session(new Session(peer, std::move(fd), std::move(watched)));
  session->service_ = make(session->connection_);
  grpc::ServerBuilder builder;
  builder.RegisterService(session->service_.get());
  builder.SetMaxReceiveMessageSize(options.request_bytes);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, options.calls_per_connection);
  builder.AddChannelArgument(GRPC_ARG_ENABLE_CHANNELZ, 0);
  session->server_ = builder.BuildAndStart();
  if (session->server_ == nullptr) {
    return kit::Error(absl::StatusCode::kInternal, "serving an accepted connection", "gRPC made no server");
  }
  return session;
}

void Session::Begin() {
  grpc::AddInsecureChannelFromFd(server_.get(), fd_.Release());  // gRPC closes it
}

void Session::Shut(std::chrono::system_clock::time_point deadline) {
  if (server_ == nullptr) return;
  server_->Shutdown(deadline);
  server_.reset();
}

}  // namespace belfry::service
