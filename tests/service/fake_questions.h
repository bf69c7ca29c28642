// An engine for the doors' tests: answers at once with who asked, or keeps the questions until told.
// Thread-safe.
#ifndef BELFRY_TESTS_SERVICE_FAKE_QUESTIONS_H_
#define BELFRY_TESTS_SERVICE_FAKE_QUESTIONS_H_

#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "service/questions.h"

namespace belfry::service {

class FakeQuestions : public Questions {
 public:
  struct Stream {
    std::function<bool(const std::string&)> send;
    std::function<bool()> cancelled;
    std::function<void(absl::Status)> ended;
  };

  // The message says who asked: "PID UID GID asked PID".
  void Judge(const Peer& peer, const v1::JudgeRequest& request, const Patience&, Done<v1::JudgeReply> done) override {
    v1::JudgeReply reply;
    reply.set_message(absl::StrCat(peer.tgid, " ", peer.uid, " ", peer.gid, " asked ", request.pid()));
    reply.set_outcome(v1::OUTCOME_SOUND);
    std::unique_lock lock(mutex_);
    ++asked_;
    changed_.notify_all();
    if (refuse_ != absl::StatusCode::kOk) {
      lock.unlock();
      return done(absl::Status(refuse_, "not the plugin of a guard's agent"));
    }
    if (keep_) return kept_.push_back({std::move(done), std::move(reply)});
    lock.unlock();
    done(std::move(reply));
  }
  void WatchMode(const Peer&, const v1::WatchModeRequest&, std::function<bool(const v1::ModeReply&)> changed,
                 std::function<bool()> cancelled, std::function<void(absl::Status)> ended) override {
    AddStream({[changed](const std::string& guard) {
                 v1::ModeReply mode;
                 mode.set_guard(guard);
                 return changed(mode);
               },
               std::move(cancelled), std::move(ended)});
  }
  void Status(Done<v1::StatusReply> done) override {
    v1::StatusReply reply;
    reply.set_schema(1);
    reply.set_backend("cgroup");
    done(std::move(reply));
  }
  void Attest(const Peer& peer, const v1::AdminAttestRequest& request, Done<v1::AttestAnswer> done) override {
    v1::AttestAnswer reply;
    reply.set_pid(request.pid());
    reply.set_message(absl::StrCat("for ", peer.uid));
    done(std::move(reply));
  }
  void Explain(const Peer&, const v1::ExplainRequest& request, Done<v1::ExplainReply> done) override {
    v1::ExplainReply reply;
    reply.set_pid(request.pid());
    done(std::move(reply));
  }
  void ExplainPolicy(const Peer&, const v1::PolicyRequest& request, Done<v1::PolicyReply> done) override {
    v1::PolicyReply reply;
    reply.set_pid(request.pid());
    done(std::move(reply));
  }
  void SetMode(const v1::SetModeRequest& request, Done<v1::SetModeReply> done) override {
    if (request.guard() == "nobody") return done(absl::NotFoundError("setting a mode: no guard is called nobody"));
    v1::SetModeReply reply;
    reply.add_changed(request.guard());
    done(std::move(reply));
  }
  void Reload(Done<v1::ReloadReply> done) override { done(v1::ReloadReply()); }
  void Follow(const v1::FollowRequest&, std::function<void()> began,
              std::function<bool(const std::string&, kit::Urgency)> line, std::function<bool()> cancelled,
              std::function<void(absl::Status)> ended) override {
    began();
    AddStream({[line](const std::string& json) { return line(json, kit::Urgency::kOrdinary); }, std::move(cancelled),
               std::move(ended)});
  }

  void Keep() {
    std::lock_guard lock(mutex_);
    keep_ = true;
  }
  void Refuse(absl::StatusCode code) {
    std::lock_guard lock(mutex_);
    refuse_ = code;
  }
  // Answers every kept question; later ones are answered at once.
  void Release() {
    std::vector<std::pair<Done<v1::JudgeReply>, v1::JudgeReply>> kept;
    {
      std::lock_guard lock(mutex_);
      keep_ = false;
      kept.swap(kept_);
    }
    for (auto& [done, reply] : kept) done(std::move(reply));
  }
  void AwaitAsked(size_t count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return asked_ >= count; });
  }
  size_t asked() {
    std::lock_guard lock(mutex_);
    return asked_;
  }
  Stream AwaitStream() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return !streams_.empty(); });
    return streams_.back();
  }

 private:
  void AddStream(Stream stream) {
    std::lock_guard lock(mutex_);
    streams_.push_back(std::move(stream));
    changed_.notify_all();
  }
  std::mutex mutex_;
  std::condition_variable changed_;
  bool keep_ = false;
  absl::StatusCode refuse_ = absl::StatusCode::kOk;
  size_t asked_ = 0;
  std::vector<std::pair<Done<v1::JudgeReply>, v1::JudgeReply>> kept_;
  std::vector<Stream> streams_;
};

}  // namespace belfry::service

#endif  // BELFRY_TESTS_SERVICE_FAKE_QUESTIONS_H_
