// belfry.v1.Attest for one accepted connection: the plugin's questions, passed on with the peer that opened it.
//
// Whether this peer may ask is Questions' answer. Thread-safe; both references must outlive the server it is added to.
#ifndef BELFRY_SERVICE_ATTEST_DOOR_H_
#define BELFRY_SERVICE_ATTEST_DOOR_H_

#include "belfry/v1/attest.grpc.pb.h"
#include "service/connection.h"
#include "service/questions.h"

namespace belfry::service {

class AttestDoor final : public v1::Attest::CallbackService {
 public:
  AttestDoor(Questions& questions, Connection& connection) : questions_(questions), connection_(connection) {}

  grpc::ServerUnaryReactor* Judge(grpc::CallbackServerContext* context, const v1::JudgeRequest* request,
                                  v1::JudgeReply* reply) override;
  grpc::ServerWriteReactor<v1::ModeReply>* WatchMode(grpc::CallbackServerContext* context,
                                                     const v1::WatchModeRequest* request) override;

 private:
  Questions& questions_;
  Connection& connection_;
};

}  // namespace belfry::service

#endif  // BELFRY_SERVICE_ATTEST_DOOR_H_
