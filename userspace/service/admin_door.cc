#include "service/admin_door.h"

#include <utility>

#include "service/stream_call.h"
#include "service/unary_call.h"

namespace belfry::service {
namespace {

// Lines a reader of Follow may be behind: a burst of some seconds; at about 1 KiB a line 8 MB.
constexpr size_t kLinesWaiting = 8192;

}  // namespace

grpc::ServerUnaryReactor* AdminDoor::Status(grpc::CallbackServerContext*, const v1::StatusRequest*,
                                            v1::StatusReply* reply) {
  auto* call = new UnaryCall<v1::StatusReply>(reply, connection_);  // deletes itself, as all below
  questions_.Status(call->TakeDone());
  return call;
}

grpc::ServerUnaryReactor* AdminDoor::Attest(grpc::CallbackServerContext*, const v1::AdminAttestRequest* request,
                                            v1::AttestAnswer* reply) {
  auto* call = new UnaryCall<v1::AttestAnswer>(reply, connection_);
  questions_.Attest(connection_.peer(), *request, call->TakeDone());
  return call;
}

grpc::ServerUnaryReactor* AdminDoor::Explain(grpc::CallbackServerContext*, const v1::ExplainRequest* request,
                                             v1::ExplainReply* reply) {
  auto* call = new UnaryCall<v1::ExplainReply>(reply, connection_);
  questions_.Explain(connection_.peer(), *request, call->TakeDone());
  return call;
}

grpc::ServerUnaryReactor* AdminDoor::ExplainPolicy(grpc::CallbackServerContext*, const v1::PolicyRequest* request,
                                                   v1::PolicyReply* reply) {
  auto* call = new UnaryCall<v1::PolicyReply>(reply, connection_);
  questions_.ExplainPolicy(connection_.peer(), *request, call->TakeDone());
  return call;
}

grpc::ServerUnaryReactor* AdminDoor::SetMode(grpc::CallbackServerContext*, const v1::SetModeRequest* request,
                                             v1::SetModeReply* reply) {
  auto* call = new UnaryCall<v1::SetModeReply>(reply, connection_);
  questions_.SetMode(*request, call->TakeDone());
  return call;
}

grpc::ServerUnaryReactor* AdminDoor::Reload(grpc::CallbackServerContext*, const v1::ReloadRequest*,
                                            v1::ReloadReply* reply) {
  auto* call = new UnaryCall<v1::ReloadReply>(reply, connection_);
  questions_.Reload(call->TakeDone());
  return call;
}

grpc::ServerWriteReactor<v1::FollowReply>* AdminDoor::Follow(grpc::CallbackServerContext* context,
                                                             const v1::FollowRequest* request) {
  auto* call = new StreamCall<v1::FollowReply>(connection_, kLinesWaiting);
  context->AddInitialMetadata(kFollowing, "1");
  const auto line = [feed = call->feed()](const std::string& json, kit::Urgency urgency) {
    v1::FollowReply reply;
    reply.set_json(json);
    return feed->Offer(std::move(reply), urgency);
  };
  questions_.Follow(
      *request, [feed = call->feed()] { feed->Begin(); }, line, [feed = call->feed()] { return feed->Cancelled(); },
      [feed = call->feed()](const absl::Status& why) { feed->End(why); });
  return call;
}

}  // namespace belfry::service
