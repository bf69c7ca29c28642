// The workload's side of the Workload API: what identity comes back, by a channel of one's own or over a descriptor.
#include <fcntl.h>
#include <grpcpp/create_channel_posix.h>
#include <grpcpp/grpcpp.h>
#include <unistd.h>

#include <chrono>
#include <memory>

#include "absl/strings/numbers.h"
#include "demo/actor/moves.h"
#include "kit/error.h"
#include "spiffe/workload.grpc.pb.h"

namespace belfry::demo {
namespace {

constexpr auto kPatience = std::chrono::seconds(30);  // a bound for a play that went wrong, never a proof

grpc::ChannelArguments OwnConnection() {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 20);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 200);
  return arguments;
}

Json FetchOn(const std::shared_ptr<grpc::Channel>& channel, std::chrono::system_clock::time_point until) {
  auto stub = SpiffeWorkloadAPI::NewStub(channel);
  grpc::ClientContext context;
  context.AddMetadata("workload.spiffe.io", "true");
  context.set_deadline(until);
  auto stream = stub->FetchX509SVID(&context, X509SVIDRequest());
  X509SVIDResponse response;
  if (stream->Read(&response) && response.svids_size() > 0) {
    context.TryCancel();
    return {{"identity", response.svids(0).spiffe_id()}, {"code", 0}, {"message", ""}};
  }
  const grpc::Status ended = stream->Finish();
  return {{"identity", ""}, {"code", static_cast<int>(ended.error_code())}, {"message", ended.error_message()}};
}

absl::StatusOr<Json> Fetch(Move& move) {
  auto channel = grpc::CreateCustomChannel("unix:" + move.words.at(1), grpc::InsecureChannelCredentials(),
                                           OwnConnection());
  return FetchOn(channel, std::chrono::system_clock::now() + kPatience);
}

// As a client that outlives an agent restart does: again after Unavailable, at once satisfied or refused otherwise.
absl::StatusOr<Json> FetchPatiently(Move& move) {
  const auto until = std::chrono::system_clock::now() + kPatience;
  Json last;
  do {
    auto channel = grpc::CreateCustomChannel("unix:" + move.words.at(1), grpc::InsecureChannelCredentials(),
                                             OwnConnection());
    last = FetchOn(channel, until);
    if (last["code"] != grpc::StatusCode::UNAVAILABLE) break;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));  // back-off, as gRPC's own
  } while (std::chrono::system_clock::now() < until);
  return last;
}

// gRPC owns what it is given: it gets a duplicate, so that the scene's descriptor stays where it is.
absl::StatusOr<Json> FetchOver(Move& move) {
  int fd = 0;
  if (!absl::SimpleAtoi(move.words.at(1), &fd)) {
    return kit::Error(absl::StatusCode::kInvalidArgument, "fetch over a descriptor", "no descriptor");
  }
  const int own = fcntl(fd, F_DUPFD_CLOEXEC, 3);
  if (own < 0) return kit::ErrnoError("fetch over a descriptor");
  fcntl(own, F_SETFL, fcntl(own, F_GETFL) | O_NONBLOCK);
  auto channel = grpc::CreateCustomInsecureChannelFromFd("belfry-demo", own, OwnConnection());
  return FetchOn(channel, std::chrono::system_clock::now() + kPatience);
}

}  // namespace

const MoveTable& FetchMoves() {
  static const MoveTable table{{"fetch", Fetch}, {"fetch-over", FetchOver}, {"fetch-patiently", FetchPatiently}};
  return table;
}

}  // namespace belfry::demo
