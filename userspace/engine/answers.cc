#include "engine/answers.h"

#include <set>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "engine/callers.h"
#include "engine/engine.h"
#include "engine/policy_story.h"
#include "engine/replies.h"
#include "kit/error.h"

namespace belfry::engine {
namespace {

absl::Status Stopped() {
  return kit::Error(absl::StatusCode::kUnavailable, "asking belfryd", "it is stopping", "ask again when it is back");
}

absl::StatusOr<std::string> ProfileOf(const std::string& asked) {
  if (asked.empty() || asked == "unix") return "unix";
  if (asked == "belfry") return asked;
  return kit::Error(absl::StatusCode::kInvalidArgument, "choosing a profile", "\"" + asked + "\" is none",
                    "unix or belfry");
}

// Does the caller's parent or its parent hold a guarded listener? The only callers whom a look may help.
bool MayServe(kernel::Kernel& kernel, uint32_t caller) {
  auto live = kernel.Live(caller);
  for (int generation = 0; generation < 2 && live.ok() && live->parent_tgid != 0; ++generation) {
    live = kernel.Live(live->parent_tgid);
    if (!live.ok()) return false;
    const auto sockets = kernel.Sockets(live->pin.tgid);
    if (!sockets.ok()) return false;
    for (const belfry_socket& socket : *sockets)
      if (socket.end == BELFRY_END_LISTENER) return true;
  }
  return false;
}

}  // namespace

Answers::~Answers() {
  for (Watcher& watcher : watchers_) watcher.ended(Stopped());
}

void Answers::OnLoop(std::function<void()> task, std::function<void(absl::Status)> otherwise) {
  if (!engine_.loop().Post(std::move(task))) otherwise(Stopped());
}

void Answers::Admit(const service::Peer& peer, const std::string& guard,
                    std::function<void(const absl::StatusOr<uint32_t>&)> then) {
  const auto first = GuardOfCaller(engine_.kernel(), engine_.guards(), peer.tgid, guard);
  if (first.ok()) return then(first);
  // Its agent may have begun to serve a moment ago.
  if (!MayServe(engine_.kernel(), peer.tgid)) return then(first);
  refused_.push_back([this, peer, guard, then = std::move(then)] {
    then(GuardOfCaller(engine_.kernel(), engine_.guards(), peer.tgid, guard));
  });
  LookForRefused();
}

void Answers::LookForRefused() {
  if (looks_rest_ || refused_.empty()) return;
  looks_rest_ = true;
  engine_.loop().After(kLook, [this] {
    looks_rest_ = false;
    LookForRefused();
  });
  engine_.listeners().Scan([again = std::exchange(refused_, {})] {
    for (const auto& ask : again) ask();
  });
}

void Answers::Judge(const service::Peer& peer, const v1::JudgeRequest& request, const service::Patience& patience,
                    service::Done<v1::JudgeReply> done) {
  OnLoop(
      [this, peer, request, patience, done] {
        Admit(peer, request.guard(), [this, peer, request, patience, done](const absl::StatusOr<uint32_t>& number) {
          if (!number.ok()) return done(number.status());
          Guard* guard = engine_.guards().ByNumber(*number);
          guard->wants_digest = guard->wants_digest || request.want_sha256();
          Question question{.guard = *number,
                            .asked_pid = request.pid(),
                            .tgid = engine_.kernel().Translate(peer.tgid, request.pid()).value_or(0),
                            .want_path = request.want_path(),
                            .want_sha256 = request.want_sha256(),
                            .size_limit = static_cast<uint64_t>(std::max<int64_t>(0, request.size_limit())),
                            .reference = request.reference(),
                            .want_facts = request.want_facts(),
                            .until = patience.until,
                            .given_up = patience.over};
          if (request.reference() && !guard->config.delegated_exec)
            return done(JudgeReplyOf(*guard, question, NotDelegated()));
          Begin(engine_.bench(), question, [this, question, done](const Answer& answer) {
            const Guard* now = engine_.guards().ByNumber(question.guard);
            if (now == nullptr) return done(Stopped());
            done(JudgeReplyOf(*now, question, answer));
          });
        });
      },
      done);
}

void Answers::WatchMode(const service::Peer& peer, const v1::WatchModeRequest& request,
                        std::function<bool(const v1::ModeReply&)> changed, std::function<bool()> cancelled,
                        std::function<void(absl::Status)> ended) {
  OnLoop(
      [=, this] {
        Admit(peer, request.guard(), [=, this](const absl::StatusOr<uint32_t>& number) {
          if (!number.ok()) return ended(number.status());
          const Guard* guard = engine_.guards().ByNumber(*number);
          v1::ModeReply reply;
          reply.set_guard(guard->name());
          reply.set_mode(ModeOf(guard->mode));
          if (!changed(reply)) return ended(absl::CancelledError("the watcher has left"));
          watchers_.push_back({*number, guard->mode, changed, cancelled, ended});
        });
      },
      ended);
}

void Answers::TellModes() {
  watchers_.remove_if([this](Watcher& watcher) {
    const Guard* guard = engine_.guards().ByNumber(watcher.guard);
    if (guard == nullptr || watcher.cancelled()) {
      watcher.ended(absl::CancelledError("the guard or its watcher has left"));
      return true;
    }
    if (guard->mode == watcher.told) return false;
    v1::ModeReply reply;
    reply.set_guard(guard->name());
    reply.set_mode(ModeOf(guard->mode));
    watcher.told = guard->mode;
    if (watcher.changed(reply)) return false;
    watcher.ended(absl::CancelledError("the watcher has left"));
    return true;
  });
}

void Answers::Status(service::Done<v1::StatusReply> done) {
  OnLoop(
      [this, done] {
        // What is reported was just seen working: the canary runs first.
        if (!engine_.parts().canary) return done(StatusOf(engine_));
        engine_.canary().Run([this, done](const std::vector<CanaryResult>&) { done(StatusOf(engine_)); });
      },
      done);
}

namespace {

// One verdict for each guard of `guards`, one after the other, then `then`.
void AttestEach(Engine& engine, std::vector<uint32_t> guards, Question question, const std::string& profile,
                std::vector<v1::AttestAnswer> answers, std::function<void(std::vector<v1::AttestAnswer>)> then) {
  if (guards.empty()) return then(std::move(answers));
  question.guard = guards.back();
  guards.pop_back();
  Begin(engine.bench(), question,
        [&engine, guards, question, profile, answers = std::move(answers), then](const Answer& answer) mutable {
          const Guard* guard = engine.guards().ByNumber(question.guard);
          if (guard != nullptr) answers.push_back(AttestAnswerOf(engine, *guard, question, answer, profile));
          AttestEach(engine, guards, question, profile, std::move(answers), then);
        });
}

std::vector<uint32_t> GuardsOf(Engine& engine, uint32_t tgid) {
  std::set<uint32_t> numbers;
  if (const auto entries = engine.kernel().ConnectionsOf(tgid); entries.ok())
    for (const kernel::ConnectionEntry& entry : *entries)
      if (entry.alive && engine.guards().ByNumber(entry.record.guard) != nullptr) numbers.insert(entry.record.guard);
  return {numbers.begin(), numbers.end()};
}

Question Curious(int32_t pid, uint32_t tgid) {
  return {.asked_pid = pid, .tgid = tgid, .want_path = true, .want_sha256 = true, .want_facts = true, .may_cut = false, .count = false};
}

}  // namespace

void Answers::Attest(const service::Peer& peer, const v1::AdminAttestRequest& request,
                     service::Done<v1::AttestAnswer> done) {
  OnLoop(
      [this, peer, request, done] {
        const auto profile = ProfileOf(request.profile());
        if (!profile.ok()) return done(profile.status());
        const uint32_t tgid = engine_.kernel().Translate(peer.tgid, request.pid()).value_or(0);
        const Guard* named = engine_.guards().ByName(request.guard());
        if (!request.guard().empty() && named == nullptr)
          return done(kit::Error(absl::StatusCode::kNotFound, "attesting", "no guard is named \"" + request.guard() + "\"",
                                 "belfry status lists them"));
        std::vector<uint32_t> guards = named != nullptr ? std::vector<uint32_t>{named->number} : GuardsOf(engine_, tgid);
        if (guards.empty()) {
          v1::AttestAnswer answer;
          answer.set_schema(1);
          answer.set_pid(request.pid());
          answer.set_verdict(verdict::OutcomeName(verdict::Outcome::kNotOurs));
          answer.set_message(absl::StrCat("pid ", request.pid(), " has no connection to any guarded socket"));
          return done(answer);
        }
        AttestEach(engine_, guards, Curious(request.pid(), tgid), *profile, {},
                   [done](const std::vector<v1::AttestAnswer>& answers) {
                     if (answers.empty()) return done(Stopped());
                     // Of several guards the one that withholds is what one would want to know.
                     for (const v1::AttestAnswer& answer : answers)
                       if (answer.verdict() != verdict::OutcomeName(verdict::Outcome::kSound)) return done(answer);
                     done(answers.front());
                   });
      },
      done);
}

void Answers::Explain(const service::Peer& peer, const v1::ExplainRequest& request,
                      service::Done<v1::ExplainReply> done) {
  OnLoop(
      [this, peer, request, done] {
        const uint32_t tgid = engine_.kernel().Translate(peer.tgid, request.pid()).value_or(
            request.pid() > 0 ? static_cast<uint32_t>(request.pid()) : 0);  // one that has ended has no number to translate
        engine_.bench().drain();
        v1::ExplainReply reply = ExplainOf(engine_, request.pid(), tgid);
        AttestEach(engine_, GuardsOf(engine_, tgid), Curious(request.pid(), tgid), "unix", {},
                   [reply = std::move(reply), done](const std::vector<v1::AttestAnswer>& answers) mutable {
                     for (const v1::AttestAnswer& answer : answers) {
                       *reply.add_answers() = answer;
                       for (const std::string& selector : answer.selectors())
                         if (selector.starts_with("path:")) reply.mutable_process()->set_path(selector.substr(5));
                     }
                     done(reply);
                   });
      },
      done);
}

void Answers::ExplainPolicy(const service::Peer& peer, const v1::PolicyRequest& request,
                            service::Done<v1::PolicyReply> done) {
  OnLoop(
      [this, peer, request, done] {
        engine_.bench().drain();
        TellPolicy(engine_, request, engine_.kernel().Translate(peer.tgid, request.pid()).value_or(0), done);
      },
      done);
}

void Answers::SetMode(const v1::SetModeRequest& request, service::Done<v1::SetModeReply> done) {
  OnLoop(
      [this, request, done] {
        const auto mode = verdict::ParseMode(request.mode());
        if (!mode)
          return done(kit::Error(absl::StatusCode::kInvalidArgument, "setting a mode",
                                 "\"" + request.mode() + "\" is not a mode", "observe, warn or deny"));
        const auto changed = engine_.modes().Set(request.guard(), *mode);
        if (!changed.ok()) return done(changed.status());
        engine_.ModesChanged();
        v1::SetModeReply reply;
        for (const std::string& name : *changed) reply.add_changed(name);
        done(reply);
      },
      done);
}

void Answers::Reload(service::Done<v1::ReloadReply> done) {
  OnLoop(
      [this, done] {
        const auto message = engine_.Reload();
        if (!message.ok()) return done(message.status());
        v1::ReloadReply reply;
        reply.set_message(*message);
        done(reply);
      },
      done);
}

void Answers::Follow(const v1::FollowRequest& request, std::function<void()> began,
                     std::function<bool(const std::string& json, kit::Urgency)> line, std::function<bool()> cancelled,
                     std::function<void(absl::Status)> ended) {
  OnLoop(
      [=, this] {
        const auto take = [line](const effect::Line& one) { return line(one.json(), one.urgency()); };
        engine_.Follow({.everything = request.everything(), .closings = request.closings(), .take = take,
                        .cancelled = cancelled, .ended = ended});
        began();
      },
      ended);
}

}  // namespace belfry::engine
