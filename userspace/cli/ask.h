// Asks belfryd over its admin.sock.
//
// Errors are worded for the person at the terminal: Unavailable (nobody listens, or it went away), PermissionDenied
// (neither root nor in the group), else what the daemon said. Not thread-safe.
#ifndef BELFRY_CLI_ASK_H_
#define BELFRY_CLI_ASK_H_

#include <grpcpp/client_context.h>

#include <chrono>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "belfry/v1/admin.grpc.pb.h"

namespace belfry::cli {

class Daemon {
 public:
  static absl::StatusOr<Daemon> Reach(const std::string& run_dir);

  // `method`: &v1::Admin::Stub::Status and its like.
  template <typename Request, typename Reply>
  absl::StatusOr<Reply> Ask(grpc::Status (v1::Admin::Stub::*method)(grpc::ClientContext*, const Request&, Reply*),
                            const Request& request) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + kPatience);
    Reply reply;
    const grpc::Status status = (stub_.get()->*method)(&context, request, &reply);
    if (!status.ok()) return Told(status);
    return reply;
  }

  // Lines until the context ends it.
  std::unique_ptr<grpc::ClientReader<v1::FollowReply>> Follow(grpc::ClientContext& context, const v1::FollowRequest& request) {
    return stub_->Follow(&context, request);
  }
  // A failed call's status, worded.
  absl::Status Told(const grpc::Status& status) const;

 private:
  // A digest of a large file may have to be computed before the answer.
  static constexpr std::chrono::seconds kPatience{30};

  Daemon(std::string path, std::unique_ptr<v1::Admin::Stub> stub) : path_(std::move(path)), stub_(std::move(stub)) {}
  std::string path_;
  std::unique_ptr<v1::Admin::Stub> stub_;
};

}  // namespace belfry::cli

#endif  // BELFRY_CLI_ASK_H_
