#include "engine/judgement.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/holders_met.h"
#include "kit/clock.h"
#include "kit/escape.h"
#include "verdict/message.h"
#include "verdict/rule_words.h"

namespace belfry::engine {
namespace {

using verdict::Outcome;
using std::chrono::steady_clock;

constexpr int kExtraLooks = 8;
constexpr std::chrono::milliseconds kLongestPatience = std::chrono::minutes(1);  // as long as the plugin may be told to wait

constexpr uint32_t kInjected = (1u << BELFRY_TAINT_TRACED) | (1u << BELFRY_TAINT_MEMORY_WRITTEN);

// Doubts that may pass by themselves: a spawned child still on its way to its exec holds a copy, and a connection may
// have been accepted an instant before its record was written.
bool MayPass(const verdict::Verdict& verdict) {
  return verdict.outcome == Outcome::kWithheld && !verdict.to_cut.empty() &&
         std::all_of(verdict.reasons.begin(), verdict.reasons.end(), [](const std::string& reason) {
           return reason == verdict::TaintName(BELFRY_TAINT_FD_TRANSFERRED) ||
                  reason == verdict::TaintName(BELFRY_TAINT_UNRECORDED);
         });
}
// A taint that is written down never passes.
bool WrittenDown(const verdict::Facts& facts) {
  return std::any_of(facts.connections.begin(), facts.connections.end(), [](const verdict::ConnectionFacts& c) {
    return (c.record.taints & (1u << BELFRY_TAINT_FD_TRANSFERRED)) != 0;
  });
}

bool SameImage(const verdict::Facts& a, const verdict::Facts& b) {
  return a.live && b.live && SameProcess(a.live->pin, b.live->pin) && a.live->pin.exec_id == b.live->pin.exec_id &&
         a.live->exe.ino == b.live->exe.ino && a.live->exe.dev == b.live->exe.dev;
}

class Judgement : public std::enable_shared_from_this<Judgement> {
 public:
  Judgement(Bench& bench, const Question& question, std::function<void(const Answer&)> done)
      : bench_(bench), question_(question), done_(std::move(done)), began_(steady_clock::now()),
        doubt_(std::min<std::chrono::milliseconds>(bench.deadlines.holders, TimeForEvidence() * 5 / 6)),
        met_(bench.kernel, doubt_ / 2) {}

  void Start() {
    deadline_ = bench_.loop.After(TimeForEvidence(), [self = shared_from_this()] {
      self->deadline_ = 0;
      self->Unavailable("the evidence was not ready in time; ask again");
    });
    Look();
  }

 private:
  // A tenth less than whoever asked waits, to hear why.
  std::chrono::milliseconds TimeForEvidence() const {
    using std::chrono::milliseconds;
    if (!question_.until) return bench_.deadlines.evidence;
    const auto left = std::chrono::duration_cast<milliseconds>(*question_.until - std::chrono::system_clock::now());
    return std::clamp(left * 9 / 10, milliseconds(0), kLongestPatience);
  }

  void Look() {
    if (done_ == nullptr) return;
    // It was told something else, and may have ended over that.
    if (question_.given_up && question_.given_up()) return Unavailable("whoever asked has given up");
    bench_.drain();
    Guard* guard = bench_.guards.ByNumber(question_.guard);
    if (guard == nullptr) return Unavailable("this guard is no longer configured");
    auto gathered = GatherFacts(bench_.kernel, *guard, bench_.gaps, question_.asked_pid, question_.tgid,
                                {bench_.iterator_references, &bench_.cuts.ended()});
    if (!gathered.ok()) return Unavailable(std::string(gathered.status().message()));
    facts_ = std::move(gathered->facts);
    if (facts_.live && guard->IsOwn(facts_.live->pin)) return OwnListener();
    answer_.verdict = question_.reference ? verdict::JudgeByExec(facts_, guard->PolicyNow())
                                          : verdict::Judge(facts_, guard->PolicyNow());
    if (MayPass(answer_.verdict) && !WrittenDown(facts_) && steady_clock::now() - began_ < doubt_) {
      // Each look is a walk over every table, and the caller decides how many wait. Rarer still, and a process that
      // spawns all the time would never be seen without a child.
      met_.Remember(facts_.connections, steady_clock::now());
      const auto wait = bench_.deadlines.again * (waits_++ == 0 ? 1 : 2);
      bench_.loop.After(wait, [self = shared_from_this()] { self->Look(); });
      return;
    }
    if (MayPass(answer_.verdict) && !WrittenDown(facts_)) {
      if (met_.MovedOn(facts_, steady_clock::now()) && extra_looks_++ < kExtraLooks) {
        met_.Remember(facts_.connections, steady_clock::now());
        bench_.loop.After(bench_.deadlines.again, [self = shared_from_this()] { self->Look(); });
        return;
      }
      if (met_.ForgiveNewborns(facts_, steady_clock::now())) answer_.verdict = verdict::Judge(facts_, guard->PolicyNow());
    }
    if (answer_.verdict.outcome == Outcome::kUnavailable) return Unavailable("the holders could not be searched");
    if (answer_.verdict.outcome != Outcome::kSound) return Withheld(*guard);
    if (!read_) return ReadEvidence(guard->PolicyNow());
    if (!SameImage(read_for_, facts_)) return Unavailable("the process changed while its evidence was read; ask again");
    if (!question_.reference) AskRules(*guard);
    if (answer_.verdict.outcome != Outcome::kSound) return Withheld(*guard);
    Sound(*guard);
  }

  void ReadEvidence(const verdict::GuardPolicy& policy) {
    const verdict::Verdict& verdict = answer_.verdict;
    read_for_ = facts_;
    // Without an exec record only trust_backfill gets here: then what runs now is all there is.
    const bool seen = facts_.process && !(facts_.process->image_flags & BELFRY_IMAGE_BACKFILLED);
    const Wanted wanted{.path = question_.want_path && verdict.path_proven,
                        .sha256 = (question_.want_sha256 || RulesAskDigest()) && verdict.path_proven,
                        .size_limit = question_.size_limit,
                        .exec_ns = seen ? facts_.process->exec_ns : 0,
                        .tolerated_place = verdict::ToleratedPlace(policy)};
    const belfry_file_id image = seen ? facts_.process->image : facts_.live->exe;
    bench_.reader.Start(question_.tgid, facts_.live->creds.uid, image, wanted,
                        [self = shared_from_this()](const Read& read) {
                          if (self->done_ == nullptr) return;
                          if (!read.status.ok()) return self->Unavailable(std::string(read.status.message()));
                          self->read_ = read;
                          self->Look();
                        });
  }

  bool RulesAskDigest() const {
    const Guard* guard = bench_.guards.ByNumber(question_.guard);
    return guard != nullptr && guard->config.rules != nullptr && guard->config.rules->Asks(verdict::Field::kSha256);
  }

  // Rules may have changed since it connected, and its record on the ring may be lost. In a guard that denies, a rule that
  // only warns withholds nothing.
  void AskRules(const Guard& guard) {
    const DigestFact digest{.pending = false, .sha256 = read_->sha256, .absent = read_->absent.empty() ? "it is not proven" : read_->absent};
    for (const verdict::ConnectionFacts& connection : facts_.connections) {
      if (!connection.alive) continue;
      const Gate::Answer answer = bench_.gate.Ask(guard, connection.record, digest);
      if (answer.allowed || (guard.mode == verdict::Mode::kDeny && !answer.refuses)) continue;
      answer_.verdict.outcome = Outcome::kWithheld;
      answer_.verdict.reasons = {verdict::kNotAllowed};
      answer_.verdict.to_cut.push_back(connection.cookie);
    }
  }

  // Of every stream that is open: it does not say on which it was asked.
  std::vector<std::string> Facts(const Guard& guard) {
    std::optional<std::vector<std::string>> shared;
    for (const verdict::ConnectionFacts& connection : facts_.connections) {
      if (!connection.alive) continue;
      const std::vector<std::string> own = bench_.gate.facts().Selectors(connection.record, guard.PolicyNow());
      if (!shared) shared = own;
      std::erase_if(*shared, [&](const std::string& fact) { return std::find(own.begin(), own.end(), fact) == own.end(); });
    }
    return shared.value_or(std::vector<std::string>());
  }

  void Sound(Guard& guard) {
    const verdict::Verdict& verdict = answer_.verdict;
    verdict::Evidence& evidence = answer_.evidence;
    const bool sees_injection = (bench_.kernel.BlindTo() & kInjected) == 0;
    evidence.uid = facts_.live->creds.euid;
    evidence.gid = facts_.live->creds.egid;
    evidence.supplementary_gids = read_->supplementary_gids;
    evidence.path = read_->path;
    if (question_.want_sha256) evidence.sha256 = read_->sha256;
    if (verdict.image_proven) {
      const belfry_file_id& image = facts_.live->exe;
      evidence.exe = absl::StrCat(image.dev, ":", image.ino, ":", image.generation);
    }
    evidence.preload_none = verdict.preload_proven;
    evidence.traced_no = verdict.image_proven && sees_injection && (verdict.taints & kInjected) == 0;
    if (question_.want_facts && !question_.reference) evidence.facts = Facts(guard);
    evidence.provenance = question_.reference ? "exec" : "connect";
    evidence.backend = bench_.kernel.BackendName();
    const bool wanted = question_.want_path || question_.want_sha256;
    if (wanted && !verdict.image_proven)
      answer_.absent = "its exec was not seen: it is older than Belfry (trust_backfill)";
    else if (wanted && !verdict.path_proven)
      answer_.absent = "its mount namespace or root is not the host's (container_paths, rootless)";
    else
      answer_.absent = read_->absent;
    if (question_.count) guard.CountVerdict({}, "", kit::BootNs());
    Finish();
  }

  void OwnListener() {
    answer_.verdict.outcome = Outcome::kSound;
    answer_.own_listener = true;
    answer_.message = "the guard's own listener: answered without selectors";
    Finish();
  }

  void Withheld(Guard& guard) {
    const belfry_live* live = facts_.live ? &*facts_.live : nullptr;
    const std::string who = live == nullptr ? "?" : absl::StrCat(live->creds.euid, " ", kit::Escape(Comm(*live)));
    if (question_.count) {
      guard.CountVerdict(answer_.verdict.reasons, who, kit::BootNs());
      Write(guard, live);
    }
    const bool cut = question_.may_cut && guard.mode == verdict::Mode::kDeny && !question_.reference;
    if (!cut || answer_.verdict.to_cut.empty()) return Finish();
    // Before the answer goes out, so that no other attestor's identity travels on it either.
    bench_.loop.Cancel(deadline_);
    deadline_ = bench_.loop.After(bench_.deadlines.cut, [self = shared_from_this()] {
      self->deadline_ = 0;
      self->Finish();
    });
    bench_.cuts.Now(guard.number, answer_.verdict.to_cut, answer_.verdict.reasons.front(),
                    [self = shared_from_this()] { self->Finish(); });
  }

  static std::string Comm(const belfry_live& live) { return {live.comm, strnlen(live.comm, sizeof live.comm)}; }

  // Who else holds a descriptor of it: what fd_transferred accuses.
  std::string Holders() const {
    std::string text;
    for (const verdict::ConnectionFacts& connection : facts_.connections) {
      for (const belfry_socket& holder : connection.foreign_holders) {
        if (text.size() > 200) return text + ", ...";
        absl::StrAppend(&text, text.empty() ? "held by " : ", ",
                        holder.holder_tgid == 0 ? "a message on its way" : absl::StrCat("pid ", holder.holder_tgid, " fd ", holder.fd),
                        holder.in_flight != 0 && holder.holder_tgid != 0 ? " (on its way in a message too)" : "");
      }
    }
    return text;
  }

  void Write(const Guard& guard, const belfry_live* live) {
    effect::Entry entry{.action = guard.mode == verdict::Mode::kDeny ? "withheld" : "would_withhold",
                        .outcome = "failure",
                        .guard = guard.name(),
                        .pid = question_.tgid,
                        .reasons = answer_.verdict.reasons,
                        .message = Holders(),
                        .mode = verdict::ModeName(guard.mode)};
    if (live != nullptr) {
      entry.pid_start_ns = live->pin.start_ns;
      entry.uid = live->creds.euid;
      entry.comm = Comm(*live);
    }
    bench_.journal.Write(entry);
  }

  void Unavailable(const std::string& why) {
    answer_ = Answer{};
    answer_.message = why;
    Guard* guard = bench_.guards.ByNumber(question_.guard);
    if (guard != nullptr && question_.count) {
      ++guard->tally.unavailable;
      RememberToCut(*guard);
    }
    Finish();
  }

  // gRPC retries on the same connection: what was not answered is cut, so that the client attests anew.
  void RememberToCut(const Guard& guard) {
    if (!question_.may_cut || guard.mode != verdict::Mode::kDeny || question_.reference) return;
    std::vector<uint64_t> keys;
    for (const verdict::ConnectionFacts& connection : facts_.connections)
      if (connection.alive && !guard.IsOwn(connection.record.opener)) keys.push_back(connection.cookie);
    if (!keys.empty()) bench_.cuts.Now(guard.number, keys, "unavailable", [] {});
  }

  void Finish() {
    bench_.loop.Cancel(std::exchange(deadline_, 0));
    if (done_ == nullptr) return;
    if (question_.count) bench_.latency.Add(steady_clock::now() - began_);
    std::exchange(done_, nullptr)(answer_);
  }

  Bench& bench_;
  const Question question_;
  std::function<void(const Answer&)> done_;  // empty once called
  const steady_clock::time_point began_;
  Loop::TimerId deadline_ = 0;
  int waits_ = 0;  // for a doubt to pass
  const std::chrono::milliseconds doubt_;  // how long one may take to pass, so that there is time to say it did not
  HoldersMet met_;
  int extra_looks_ = 0;  // after the deadline
  verdict::Facts facts_, read_for_;
  std::optional<Read> read_;
  Answer answer_;
};

}  // namespace

Answer NotDelegated() {
  Answer answer;
  answer.verdict.outcome = Outcome::kWithheld;
  answer.verdict.reasons = {"not_delegated"};
  return answer;
}

void Begin(Bench& bench, const Question& question, std::function<void(const Answer&)> done) {
  std::make_shared<Judgement>(bench, question, std::move(done))->Start();
}

}  // namespace belfry::engine
