// The line to belfryd: questions over attest.sock, and the guard's mode as the daemon tells it.
//
// Every question is answered exactly once, with the daemon's reply or with the error of asking, at its deadline at the
// latest; callbacks run on gRPC's threads and must not block. At most kConcurrent questions are open at the daemon, the
// others wait in order. A daemon that is not there is noticed at once and looked for again at least every second.
// Thread-safe. The socket's path, the guard and the deadline are fixed: another configuration is another client.
#ifndef BELFRY_PLUGIN_DAEMON_CLIENT_H_
#define BELFRY_PLUGIN_DAEMON_CLIENT_H_

#include <grpcpp/alarm.h>
#include <grpcpp/grpcpp.h>

#include <chrono>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "belfry/v1/attest.grpc.pb.h"
#include "verdict/facts.h"

namespace belfry::plugin {

// nullopt: a mode that this version does not know.
std::optional<verdict::Mode> ModeOf(v1::Mode mode);

class DaemonClient : public std::enable_shared_from_this<DaemonClient> {
 public:
  static constexpr size_t kConcurrent = 64;

  using Answer = std::function<void(absl::StatusOr<v1::JudgeReply>)>;
  using OnMode = std::function<void(verdict::Mode)>;

  // `on_mode` is called with the mode at the start of each connection, and at each change.
  static std::shared_ptr<DaemonClient> Open(const std::string& socket, std::string guard,
                                            std::chrono::milliseconds deadline, OnMode on_mode);

  // Fills in the guard.
  void Judge(v1::JudgeRequest request, Answer answer);

  // Mode is no longer followed; open questions are still answered.
  void Stop();

 private:
  struct Question;
  class ModeStream;

  DaemonClient(const std::string& socket, std::string guard, std::chrono::milliseconds deadline, OnMode on_mode);
  void Ask(std::unique_ptr<Question> question);
  void AskNext();
  void FollowMode();
  void FollowModeLater();

  const std::string socket_;
  const std::string guard_;
  const std::chrono::milliseconds deadline_;
  const OnMode on_mode_;
  const std::unique_ptr<v1::Attest::Stub> stub_;

  std::mutex mutex_;
  size_t open_ = 0;                                // questions at the daemon
  std::deque<std::unique_ptr<Question>> waiting_;  // bounded by the server's limit on concurrent streams
  bool stopped_ = false;
  ModeStream* mode_stream_ = nullptr;  // lives until its OnDone
  grpc::Alarm again_;                  // the next stream, after one has ended
};

}  // namespace belfry::plugin

#endif  // BELFRY_PLUGIN_DAEMON_CLIENT_H_
