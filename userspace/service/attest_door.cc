#include "service/attest_door.h"

#include "service/stream_call.h"
#include "service/unary_call.h"

namespace belfry::service {
namespace {

// A mode changes when an operator says so: a plugin this far behind does not read at all.
constexpr size_t kModesWaiting = 256;

}  // namespace

grpc::ServerUnaryReactor* AttestDoor::Judge(grpc::CallbackServerContext* context, const v1::JudgeRequest* request,
                                            v1::JudgeReply* reply) {
  auto* call = new UnaryCall<v1::JudgeReply>(reply, connection_);  // deletes itself
  questions_.Judge(connection_.peer(), *request, {.until = context->deadline(), .over = call->TakeOver()}, call->TakeDone());
  return call;
}

grpc::ServerWriteReactor<v1::ModeReply>* AttestDoor::WatchMode(grpc::CallbackServerContext*,
                                                               const v1::WatchModeRequest* request) {
  auto* call = new StreamCall<v1::ModeReply>(connection_, kModesWaiting);  // deletes itself
  questions_.WatchMode(
      connection_.peer(), *request, [feed = call->feed()](const v1::ModeReply& mode) { return feed->Push(mode); },
      [feed = call->feed()] { return feed->Cancelled(); },
      [feed = call->feed()](const absl::Status& why) { feed->End(why); });
  return call;
}

}  // namespace belfry::service
