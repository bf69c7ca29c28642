// What the doors ask, answered by the engine: each question is posted to the loop, each answer goes out from there.
// Thread-safe as service/questions.h says. After the loop has stopped every question is answered Unavailable at once.
#ifndef BELFRY_ENGINE_ANSWERS_H_
#define BELFRY_ENGINE_ANSWERS_H_

#include <chrono>
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <vector>

#include "engine/judgement.h"
#include "service/questions.h"

namespace belfry::engine {

class Engine;

class Answers final : public service::Questions {
 public:
  explicit Answers(Engine& engine) : engine_(engine) {}
  ~Answers() override;

  void Judge(const service::Peer& peer, const v1::JudgeRequest& request, const service::Patience& patience,
             service::Done<v1::JudgeReply> done) override;
  void WatchMode(const service::Peer& peer, const v1::WatchModeRequest& request,
                 std::function<bool(const v1::ModeReply&)> changed, std::function<bool()> cancelled,
                 std::function<void(absl::Status)> ended) override;
  void Status(service::Done<v1::StatusReply> done) override;
  void Attest(const service::Peer& peer, const v1::AdminAttestRequest& request,
              service::Done<v1::AttestAnswer> done) override;
  void Explain(const service::Peer& peer, const v1::ExplainRequest& request,
               service::Done<v1::ExplainReply> done) override;
  void ExplainPolicy(const service::Peer& peer, const v1::PolicyRequest& request,
                     service::Done<v1::PolicyReply> done) override;
  void SetMode(const v1::SetModeRequest& request, service::Done<v1::SetModeReply> done) override;
  void Reload(service::Done<v1::ReloadReply> done) override;
  void Follow(const v1::FollowRequest& request, std::function<void()> began,
              std::function<bool(const std::string& json, kit::Urgency)> line, std::function<bool()> cancelled,
              std::function<void(absl::Status)> ended) override;

  // Tells every watcher whose guard's mode is another than it was told; drops those who left. Loop thread.
  void TellModes();

 private:
  static constexpr std::chrono::milliseconds kLook{250};

  struct Watcher {
    uint32_t guard = 0;
    verdict::Mode told = verdict::Mode::kObserve;
    std::function<bool(const v1::ModeReply&)> changed;
    std::function<bool()> cancelled;
    std::function<void(absl::Status)> ended;
  };

  // The guard that the peer may ask about, looked for once more if nobody is known to serve it. Loop thread.
  void Admit(const service::Peer& peer, const std::string& guard,
             std::function<void(const absl::StatusOr<uint32_t>&)> then);
  // One look for the listeners for all who were refused, and at most one per kLook: anybody can be refused.
  void LookForRefused();
  // Runs `task` on the loop, or `otherwise` here if that has stopped.
  void OnLoop(std::function<void()> task, std::function<void(absl::Status)> otherwise);

  Engine& engine_;
  std::list<Watcher> watchers_;
  std::vector<std::function<void()>> refused_;  // to be asked about again after the next look
  bool looks_rest_ = false;                     // one was begun less than kLook ago
};

}  // namespace belfry::engine

#endif  // BELFRY_ENGINE_ANSWERS_H_
