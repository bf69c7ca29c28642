#include "engine/replies.h"

#include <algorithm>
#include <numeric>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "engine/health.h"
#include "kit/escape.h"
#include "verdict/message.h"

namespace belfry::engine {
namespace {

constexpr std::string_view kAncestorsUnknown = "?";

v1::Outcome OutcomeOf(verdict::Outcome outcome) {
  switch (outcome) {
    case verdict::Outcome::kSound: return v1::OUTCOME_SOUND;
    case verdict::Outcome::kWithheld: return v1::OUTCOME_WITHHELD;
    case verdict::Outcome::kUnavailable: return v1::OUTCOME_UNAVAILABLE;
    case verdict::Outcome::kNotOurs: return v1::OUTCOME_NOT_OURS;
  }
  return v1::OUTCOME_UNSPECIFIED;
}

std::string MessageOf(const Guard& guard, const Question& question, const Answer& answer) {
  if (answer.message.empty())
    return verdict::Message(answer.verdict, guard.name(), question.asked_pid, question.tgid);
  return kit::Escape(absl::StrCat("guard ", guard.name(), ": pid ", question.asked_pid, ": ", answer.message),
                     verdict::kMessageBytes);
}

void Fill(const verdict::Evidence& from, v1::Evidence& to) {
  to.set_uid(from.uid);
  to.set_gid(from.gid);
  for (const uint32_t gid : from.supplementary_gids) to.add_supplementary_gids(gid);
  if (from.path) to.set_path(*from.path);
  if (from.sha256) to.set_sha256(*from.sha256);
  if (from.exe) to.set_exe(*from.exe);
  to.set_preload_none(from.preload_none);
  to.set_traced_no(from.traced_no);
  for (const std::string& fact : from.facts)
    if (kit::IsValidUtf8(fact)) to.add_facts(fact);
  to.set_provenance(from.provenance);
  to.set_backend(from.backend);
}

struct PlaceWord {
  uint32_t bit;
  const char* word;
};
constexpr PlaceWord kPlaces[] = {
    {BELFRY_PLACE_MNTNS_FOREIGN, "another mount namespace than the host's"},
    {BELFRY_PLACE_MNTNS_UNPRIV, "a mount namespace that a user made"},
    {BELFRY_PLACE_USERNS, "a user namespace"},
    {BELFRY_PLACE_ROOT_FOREIGN, "another root (chroot)"},
    {BELFRY_PLACE_PIDNS, "a pid namespace"},
    {BELFRY_PLACE_UNKNOWN, "a place that is not known"},
};

std::string FileText(const belfry_file_id& id) { return absl::StrCat(id.dev, ":", id.ino, ":", id.generation); }

void TellProcess(const belfry_process& record, v1::ProcessStory& story) {
  story.set_comm(kit::Escape(evidence::Text(record.comm)));
  story.set_uid(record.creds.euid);
  story.set_gid(record.creds.egid);
  story.set_started_ns(record.pin.start_ns);
  story.set_exec_id(record.pin.exec_id);
  const bool seen = (record.image_flags & BELFRY_IMAGE_BACKFILLED) == 0;
  story.set_how_known(seen ? "exec" : "backfilled");
  if (seen) {
    story.set_image(FileText(record.image));
    story.set_filename(kit::Escape(evidence::Text(record.filename)));
    story.set_exec_ns(record.exec_ns);
  }
  for (const std::string& taint : verdict::TaintNames(verdict::ImageTaints(record.image_flags))) story.add_taints(taint);
  for (const PlaceWord& place : kPlaces)
    if ((record.place & place.bit) != 0) story.add_place(place.word);
}

void TellAncestry(Engine& engine, uint32_t tgid, v1::ProcessStory& story) {
  for (const evidence::KnownProcess* ancestor : engine.seen().processes.Ancestry(tgid)) {
    std::string_view name = evidence::Text(ancestor->record.filename);
    if (name.empty()) name = evidence::Text(ancestor->record.comm);
    if (name.empty()) name = kAncestorsUnknown;
    story.add_ancestry(absl::StrCat(ancestor->record.pin.tgid, " ", kit::Escape(name)));
  }
}

void TellConnections(Engine& engine, uint32_t tgid, v1::ExplainReply& reply) {
  const auto entries = engine.kernel().ConnectionsOf(tgid);
  if (!entries.ok()) return;
  std::vector<uint64_t> cookies;
  for (const kernel::ConnectionEntry& entry : *entries) cookies.push_back(entry.cookie);
  const auto holders = engine.kernel().HoldersOf(cookies);
  for (const kernel::ConnectionEntry& entry : *entries) {
    const Guard* guard = engine.guards().ByNumber(entry.record.guard);
    if (guard == nullptr) continue;
    v1::ConnectionStory& story = *reply.add_connections();
    story.set_guard(guard->name());
    story.set_cookie(entry.cookie);
    story.set_since_ns(entry.record.connect_ns);
    story.set_how_known("connect");
    story.set_exec_id(entry.record.opener.exec_id);
    story.set_alive(entry.alive);
    for (const std::string& taint : verdict::TaintNames(entry.record.taints)) story.add_taints(taint);
    if (!holders.ok()) continue;
    for (const belfry_socket& holder : *holders)
      if (holder.cookie == entry.cookie)
        story.add_holders(holder.in_flight != 0 ? "in flight in a message"
                                                : absl::StrCat("pid ", holder.holder_tgid, " fd ", holder.fd));
  }
}

void TellGuard(Engine& engine, const Guard& guard, v1::GuardStatus& status) {
  status.set_name(guard.name());
  status.set_mode(verdict::ModeName(guard.mode));
  for (const GuardedSocket& socket : guard.config.sockets) status.add_sockets(kit::Escape(socket.path));
  if (!guard.listeners.empty()) {
    const Listener& listener = guard.listeners.front();
    status.set_listener(absl::StrCat("pid ", listener.pin.tgid, " ", kit::Escape(listener.path)));
    status.set_listener_pid(listener.pin.tgid);
  } else {
    status.set_listener(guard.impostor.empty() ? "none yet" : absl::StrCat("impostor: ", guard.impostor));
  }
  status.set_connections(engine.seen().connections.Live(guard.number));
  status.set_sound(guard.tally.sound);
  status.set_withheld(guard.tally.withheld);
  status.set_unavailable(guard.tally.unavailable);
  status.set_cut(guard.tally.cut);
  for (const auto& [reason, count] : guard.tally.would_withhold) (*status.mutable_would_withhold())[reason] = count;
  if (guard.config.limit) status.set_limit(LimitText(*guard.config.limit));
  status.set_limited(guard.tally.refused[BELFRY_USE_LIMIT]);
  status.set_barred(guard.tally.refused[BELFRY_USE_CONNECT]);
  status.set_refused(std::accumulate(guard.tally.refused.begin(), guard.tally.refused.end(), uint64_t{0}));
  status.set_last_would_withhold_ns(guard.tally.last_would_withhold_ns);
  for (const std::string& who : guard.tally.would_be_hit) status.add_would_be_hit(who);
}

}  // namespace

v1::Mode ModeOf(verdict::Mode mode) {
  switch (mode) {
    case verdict::Mode::kObserve: return v1::MODE_OBSERVE;
    case verdict::Mode::kWarn: return v1::MODE_WARN;
    case verdict::Mode::kDeny: return v1::MODE_DENY;
  }
  return v1::MODE_UNSPECIFIED;
}

v1::JudgeReply JudgeReplyOf(const Guard& guard, const Question& question, const Answer& answer) {
  v1::JudgeReply reply;
  reply.set_outcome(OutcomeOf(answer.verdict.outcome));
  reply.set_mode(ModeOf(guard.mode));
  reply.set_guard(guard.name());
  for (const std::string& reason : answer.verdict.reasons) reply.add_reasons(reason);
  if (answer.verdict.outcome == verdict::Outcome::kSound) {
    reply.mutable_evidence();
    if (!answer.own_listener) Fill(answer.evidence, *reply.mutable_evidence());
    reply.set_absent(kit::Escape(answer.absent));
  }
  reply.set_message(MessageOf(guard, question, answer));
  return reply;
}

v1::AttestAnswer AttestAnswerOf(Engine& engine, const Guard& guard, const Question& question, const Answer& answer,
                                const std::string& profile) {
  v1::AttestAnswer reply;
  reply.set_schema(1);
  reply.set_pid(static_cast<int32_t>(question.asked_pid));
  reply.set_guard(guard.name());
  reply.set_mode(verdict::ModeName(guard.mode));
  reply.set_verdict(verdict::OutcomeName(answer.verdict.outcome));
  for (const std::string& reason : answer.verdict.reasons) reply.add_reasons(reason);
  reply.set_message(MessageOf(guard, question, answer));
  if (answer.verdict.outcome != verdict::Outcome::kSound || answer.own_listener) return reply;
  const auto user = [&](uint32_t id) { return engine.names().User(id); };
  const auto group = [&](uint32_t id) { return engine.names().Group(id); };
  const auto selectors = profile == "belfry" ? verdict::BelfrySelectors(answer.evidence, user, group)
                                             : verdict::UnixSelectors(answer.evidence, user, group);
  for (const std::string& selector : selectors) reply.add_selectors(kit::Escape(selector, 4096));
  reply.set_absent(kit::Escape(answer.absent));
  return reply;
}

v1::StatusReply StatusOf(Engine& engine) {
  engine.bench().drain();
  v1::StatusReply reply;
  reply.set_schema(1);
  reply.set_version(engine.parts().version);
  reply.set_backend(engine.kernel().BackendName());
  for (const std::string& step : engine.kernel().StepsDown()) reply.add_steps_down(kit::Escape(step, 512));
  for (const std::string& taint : verdict::TaintNames(engine.kernel().BlindTo())) reply.add_blind_to(taint);
  for (const Guard& guard : engine.guards().all()) TellGuard(engine, guard, *reply.add_guards());
  for (const kernel::ProgramCounters& program : engine.kernel().Counters()) {
    v1::ProgramStatus& status = *reply.add_programs();
    status.set_name(program.name);
    status.set_attached(program.attached);
    status.set_seen(program.seen);
    status.set_sent(program.sent);
    status.set_ignored(program.ignored);
    status.set_lost_ring(program.lost_ring);
    status.set_lost_map(program.lost_map);
    status.set_missed(program.missed);
  }
  for (const evidence::Gap& gap : engine.gaps().All()) {
    v1::Gap& shown = *reply.add_gaps();
    shown.set_from_ns(gap.from_ns);
    shown.set_to_ns(gap.to_ns);
    shown.set_why(gap.why);
  }
  for (const CanaryResult& result : engine.canary().last()) {
    v1::CanaryResult& shown = *reply.add_canaries();
    shown.set_capability(result.capability);
    shown.set_ok(result.ok);
    shown.set_detail(result.detail);
  }
  if (const auto all = engine.kernel().AllConnections(); all.ok())
    reply.set_connections(static_cast<uint64_t>(
        std::count_if(all->begin(), all->end(), [](const kernel::ConnectionEntry& entry) { return entry.alive; })));
  reply.set_processes(engine.seen().processes.live());
  reply.set_adopted(engine.parts().adopted);
  JudgeHealth(engine, reply);
  return reply;
}

v1::ExplainReply ExplainOf(Engine& engine, int32_t asked_pid, uint32_t tgid) {
  v1::ExplainReply reply;
  reply.set_schema(1);
  reply.set_pid(asked_pid);
  if (tgid == 0) return reply;
  const evidence::KnownProcess* known = engine.seen().processes.Find(tgid);
  const auto record = engine.kernel().Process(tgid);
  if (!record && known == nullptr) return reply;
  reply.set_known(true);
  TellProcess(record ? *record : known->record, *reply.mutable_process());
  if (known != nullptr && known->argv != nullptr)
    for (const std::string_view argument : evidence::Arguments(*known->argv))
      reply.mutable_process()->add_argv(kit::Escape(argument));
  TellAncestry(engine, tgid, *reply.mutable_process());
  TellConnections(engine, tgid, reply);
  return reply;
}

}  // namespace belfry::engine
