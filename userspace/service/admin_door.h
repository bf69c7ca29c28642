// belfry.v1.Admin for one accepted connection: what belfry(1) asks. The gate has let in root and the group only.
//
// Thread-safe; both references must outlive the server it is added to.
#ifndef BELFRY_SERVICE_ADMIN_DOOR_H_
#define BELFRY_SERVICE_ADMIN_DOOR_H_

#include "belfry/v1/admin.grpc.pb.h"
#include "service/connection.h"
#include "service/questions.h"

namespace belfry::service {

// In the initial metadata of Follow: every line from here on is sent.
inline constexpr char kFollowing[] = "belfry-following";

class AdminDoor final : public v1::Admin::CallbackService {
 public:
  AdminDoor(Questions& questions, Connection& connection) : questions_(questions), connection_(connection) {}

  grpc::ServerUnaryReactor* Status(grpc::CallbackServerContext* context, const v1::StatusRequest* request,
                                   v1::StatusReply* reply) override;
  grpc::ServerUnaryReactor* Attest(grpc::CallbackServerContext* context, const v1::AdminAttestRequest* request,
                                   v1::AttestAnswer* reply) override;
  grpc::ServerUnaryReactor* Explain(grpc::CallbackServerContext* context, const v1::ExplainRequest* request,
                                    v1::ExplainReply* reply) override;
  grpc::ServerUnaryReactor* ExplainPolicy(grpc::CallbackServerContext* context, const v1::PolicyRequest* request,
                                          v1::PolicyReply* reply) override;
  grpc::ServerUnaryReactor* SetMode(grpc::CallbackServerContext* context, const v1::SetModeRequest* request,
                                    v1::SetModeReply* reply) override;
  grpc::ServerUnaryReactor* Reload(grpc::CallbackServerContext* context, const v1::ReloadRequest* request,
                                   v1::ReloadReply* reply) override;
  grpc::ServerWriteReactor<v1::FollowReply>* Follow(grpc::CallbackServerContext* context,
                                                    const v1::FollowRequest* request) override;

 private:
  Questions& questions_;
  Connection& connection_;
};

}  // namespace belfry::service

#endif  // BELFRY_SERVICE_ADMIN_DOOR_H_
