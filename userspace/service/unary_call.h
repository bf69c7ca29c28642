// One unary call between gRPC and a Done: answered exactly once, by whoever comes first of the engine and a cancel.
//
// The call deletes itself when gRPC is through with it. A late Done finds the call gone and does nothing, so neither a
// client that left nor a stopping server waits for the engine.
#ifndef BELFRY_SERVICE_UNARY_CALL_H_
#define BELFRY_SERVICE_UNARY_CALL_H_

#include <grpcpp/support/server_callback.h>

#include <functional>
#include <memory>
#include <mutex>
#include <utility>

#include "service/connection.h"
#include "service/grpc_status.h"
#include "service/questions.h"

namespace belfry::service {

template <typename Reply>
class UnaryCall : public grpc::ServerUnaryReactor {
 public:
  // `reply` is gRPC's and lives until OnDone.
  UnaryCall(Reply* reply, Connection& connection) : answer_(std::make_shared<Answer>(this, reply, connection)) {}

  // May be called from any thread, before or after the call is gone.
  Done<Reply> TakeDone() {
    return [answer = answer_](absl::StatusOr<Reply> reply) {
      std::lock_guard lock(answer->mutex);
      if (answer->call == nullptr) return;
      if (reply.status().code() != absl::StatusCode::kPermissionDenied) answer->connection.Admit();
      if (reply.ok()) answer->reply->Swap(&*reply);
      std::exchange(answer->call, nullptr)->Finish(ToGrpc(reply.status()));
    };
  }

  // Likewise: is it answered, or cancelled?
  std::function<bool()> TakeOver() {
    return [answer = answer_] {
      std::lock_guard lock(answer->mutex);
      return answer->call == nullptr;
    };
  }

  void OnCancel() override {
    std::lock_guard lock(answer_->mutex);
    if (answer_->call == nullptr) return;
    std::exchange(answer_->call, nullptr)->Finish(grpc::Status::CANCELLED);
  }
  void OnDone() override { delete this; }

 private:
  struct Answer {
    Answer(UnaryCall* call, Reply* reply, Connection& connection) : call(call), reply(reply), connection(connection) {}
    std::mutex mutex;
    UnaryCall* call;  // null once answered; while it is set, reply and connection are alive
    Reply* reply;
    Connection& connection;
  };
  const std::shared_ptr<Answer> answer_;
};

}  // namespace belfry::service

#endif  // BELFRY_SERVICE_UNARY_CALL_H_
