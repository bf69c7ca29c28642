// What the doors ask of the engine, in the words of the protos.
//
// The doors call from gRPC's threads; the engine answers from its loop thread through `done`, exactly once each, also
// when it stops (Unavailable). Neither side keeps a pointer to the other's data after the call.
#ifndef BELFRY_SERVICE_QUESTIONS_H_
#define BELFRY_SERVICE_QUESTIONS_H_

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>

#include "absl/status/statusor.h"
#include "belfry/v1/admin.pb.h"
#include "belfry/v1/attest.pb.h"
#include "kit/urgency.h"

namespace belfry::service {

// Who is on the other end of an accepted socket, by SO_PEERCRED.
struct Peer {
  uint32_t tgid = 0;  // in belfryd's own pid namespace
  uint32_t uid = 0;
  uint32_t gid = 0;
};

// How long whoever asked waits for the answer.
struct Patience {
  std::chrono::system_clock::time_point until = std::chrono::system_clock::time_point::max();  // gRPC's clock
  std::function<bool()> over = [] { return false; };  // it does not wait any more; thread-safe
};

template <typename Reply>
using Done = std::function<void(absl::StatusOr<Reply>)>;

// Thread-safe: every method may be called from any thread.
class Questions {
 public:
  virtual ~Questions() = default;

  // attest.sock. PermissionDenied: this peer is not the plugin of any guard's agent.
  virtual void Judge(const Peer& peer, const v1::JudgeRequest& request, const Patience& patience,
                     Done<v1::JudgeReply> done) = 0;
  // `changed` is called with the mode now and at each change until `cancelled` returns true or it returns false.
  // `ended` is called once, last.
  virtual void WatchMode(const Peer& peer, const v1::WatchModeRequest& request,
                         std::function<bool(const v1::ModeReply&)> changed, std::function<bool()> cancelled,
                         std::function<void(absl::Status)> ended) = 0;

  // admin.sock.
  virtual void Status(Done<v1::StatusReply> done) = 0;
  virtual void Attest(const Peer& peer, const v1::AdminAttestRequest& request, Done<v1::AttestAnswer> done) = 0;
  virtual void Explain(const Peer& peer, const v1::ExplainRequest& request, Done<v1::ExplainReply> done) = 0;
  virtual void ExplainPolicy(const Peer& peer, const v1::PolicyRequest& request, Done<v1::PolicyReply> done) = 0;
  virtual void SetMode(const v1::SetModeRequest& request, Done<v1::SetModeReply> done) = 0;
  virtual void Reload(Done<v1::ReloadReply> done) = 0;
  // `began`: every line from here on. `line` answers false when the reader has no room for it: then it was not taken, and
  // the next may be.
  virtual void Follow(const v1::FollowRequest& request, std::function<void()> began,
                      std::function<bool(const std::string& json, kit::Urgency)> line, std::function<bool()> cancelled,
                      std::function<void(absl::Status)> ended) = 0;
};

}  // namespace belfry::service

#endif  // BELFRY_SERVICE_QUESTIONS_H_
