// One server stream between gRPC and the engine: messages go in from any thread, a reader that is too slow is told so.
//
// The call deletes itself when gRPC is through with it; what is sent or ended on what is gone does nothing. Memory is
// bounded by `limit` waiting messages. One more ends the stream with ResourceExhausted (Push), or is not taken (Offer):
// either way nothing is lost in silence.
#ifndef BELFRY_SERVICE_STREAM_CALL_H_
#define BELFRY_SERVICE_STREAM_CALL_H_

#include <grpcpp/support/server_callback.h>

#include <deque>
#include <memory>
#include <mutex>
#include <utility>

#include "absl/strings/str_cat.h"
#include "kit/urgency.h"
#include "service/connection.h"
#include "service/grpc_status.h"

namespace belfry::service {

template <typename Message>
class StreamCall : public grpc::ServerWriteReactor<Message> {
 public:
  // What the engine holds. Thread-safe.
  class Feed {
   public:
    bool Push(Message message) {
      std::lock_guard lock(mutex_);
      if (ended_) return false;
      connection_->Admit();
      if (waiting_.size() >= limit_) {
        EndLocked(absl::ResourceExhaustedError(absl::StrCat("following: the reader is ", waiting_.size(),
                                                            " messages behind; read faster, then ask again")));
        return false;
      }
      waiting_.push_back(std::move(message));
      WriteLocked();
      return true;
    }
    // Lets the reader know that nothing is missed from here on: the call's initial metadata goes out. Before any message.
    void Begin() {
      std::lock_guard lock(mutex_);
      if (!ended_) call_->StartSendInitialMetadata();
    }
    // False: no room, or it has ended (Cancelled tells).
    bool Offer(Message message, kit::Urgency urgency) {
      std::lock_guard lock(mutex_);
      if (ended_) return false;
      connection_->Admit();
      if (waiting_.size() >= kit::RoomFor(urgency, limit_)) return false;
      waiting_.push_back(std::move(message));
      WriteLocked();
      return true;
    }
    void End(const absl::Status& why) {
      std::lock_guard lock(mutex_);
      if (!ended_) EndLocked(why);
    }
    bool Cancelled() {
      std::lock_guard lock(mutex_);
      return ended_;
    }

   private:
    friend class StreamCall;
    void EndLocked(const absl::Status& why) {
      ended_ = true;
      why_ = why;
      if (!writing_) FinishLocked();
    }
    void WriteLocked() {
      if (writing_ || waiting_.empty()) return;
      writing_ = true;
      call_->StartWrite(&waiting_.front());
    }
    void FinishLocked() {
      if (call_ != nullptr) std::exchange(call_, nullptr)->Finish(ToGrpc(why_));
    }
    void Written(bool ok) {
      std::lock_guard lock(mutex_);
      writing_ = false;
      waiting_.pop_front();
      if (!ok && !ended_) {
        ended_ = true;
        why_ = absl::CancelledError("the reader went away");
      }
      const bool drained = waiting_.empty() || !ok || !why_.ok();
      if (ended_ && drained) return FinishLocked();
      WriteLocked();
    }

    std::mutex mutex_;
    std::deque<Message> waiting_;  // front is being written while writing_; its address is stable
    bool writing_ = false;
    bool ended_ = false;
    absl::Status why_;
    size_t limit_ = 0;
    StreamCall* call_ = nullptr;  // null once finished
    Connection* connection_ = nullptr;
  };

  StreamCall(Connection& connection, size_t limit) : connection_(connection), feed_(std::make_shared<Feed>()) {
    feed_->limit_ = limit;
    feed_->call_ = this;
    feed_->connection_ = &connection;
    ticket_ = connection_.Register([feed = feed_](const absl::Status& why) { feed->End(why); });
  }
  std::shared_ptr<Feed> feed() { return feed_; }

  void OnWriteDone(bool ok) override { feed_->Written(ok); }
  void OnCancel() override { feed_->End(absl::CancelledError("the reader went away")); }
  void OnDone() override {
    connection_.Unregister(ticket_);
    delete this;
  }

 private:
  Connection& connection_;
  const std::shared_ptr<Feed> feed_;
  uint64_t ticket_ = 0;
};

}  // namespace belfry::service

#endif  // BELFRY_SERVICE_STREAM_CALL_H_
