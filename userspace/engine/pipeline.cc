#include "engine/pipeline.h"

#include <algorithm>
#include <string>
#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"
#include "engine/guarded_ports.h"
#include "kit/clock.h"
#include "kit/escape.h"
#include "verdict/rule_words.h"
#include "verdict/soundness.h"

namespace belfry::engine {
namespace {

constexpr size_t kServersMax = 16;  // of one line

template <typename Event>
uint64_t CookieOf(const Event& event) {
  return event.cookie;
}
uint64_t CookieOf(const belfry_event_limited&) { return 0; }

template <typename Event>
effect::Entry About(const char* action, const Event& event, const Guard& guard) {
  const belfry_connection& connection = event.connection;
  return {.action = action,
          .time_ns = event.header.time_ns,
          .guard = guard.name(),
          .pid = connection.opener.tgid,
          .pid_start_ns = connection.opener.start_ns,
          .uid = connection.creds.euid,
          .comm = std::string(evidence::Text(connection.comm)),
          .reasons = verdict::TaintNames(connection.taints),
          .cookie = CookieOf(event)};
}

std::string WhoIs(const belfry_connection& connection) {
  return absl::StrCat(connection.creds.euid, " ", kit::Escape(evidence::Text(connection.comm)));
}

}  // namespace

void Pipeline::Turn() {
  if (in_turn_) return;  // a cut that answers at once may ask again
  in_turn_ = true;
  suspects_.clear();
  orders_.clear();
  lines_.clear();
  listeners_changed_ = false;

  // A ring that cannot be read costs lines, not verdicts: those read the maps. The counters and the sweep show it.
  kernel_.Drain([this](std::span<const std::byte> record) {
    if (const auto event = seen_.decoder.Decode(record)) Apply(*event);
  }).IgnoreError();
  Judge();
  for (effect::Entry& line : lines_) journal_.Write(std::move(line));

  in_turn_ = false;
  if (listeners_changed_) signals_.listeners_changed();
}

void Pipeline::Apply(const evidence::Event& event) {
  std::visit([this](const auto& one) { Apply(one); }, event);
}

void Pipeline::Apply(const belfry_event_exec& event) {
  seen_.processes.Apply(event);
  SuspectOpener(event.process.pin, BELFRY_TAINT_EXEC_AFTER_CONNECT);
  if (ServesAGuard(event.process.pin)) listeners_changed_ = true;
}

void Pipeline::Apply(const belfry_event_fork& event) { seen_.processes.Apply(event); }

void Pipeline::Apply(const belfry_event_exit& event) {
  seen_.processes.Apply(event);
  SuspectOpener(event.pin, BELFRY_TAINT_OPENER_EXITED);
  if (ServesAGuard(event.pin)) listeners_changed_ = true;
}

void Pipeline::Apply(const belfry_event_connect& event) {
  if (event.header.kind == BELFRY_KIND_BARRED) return Barred(event, {});
  Guard* guard = guards_.ByNumber(event.connection.guard);
  const bool recorded = event.header.kind == BELFRY_KIND_CONNECT;
  const bool found_before = seen_.connections.Find(event.cookie) != nullptr;  // by the sweep
  if (recorded) seen_.connections.Apply(event);
  if (guard == nullptr) return;  // the canary's, or of a guard that is no longer there
  guard->tally.CountTaints(event.connection.taints | (recorded ? 0 : 1u << BELFRY_TAINT_UNRECORDED));
  lines_.push_back(About(recorded ? "connect" : "unrecorded", event, *guard));
  if (journal_.followed()) witness_.Opener(event.connection, lines_.back());
  if (recorded) {
    if (!found_before) gate_.Opened(*guard, event.cookie, event.connection, lines_.back(), orders_);
    const bool against = lines_.back().violation || !lines_.back().reasons.empty();
    if (against && !journal_.followed() && journal_.alarmed()) witness_.Name(event.connection, lines_.back());
    signals_.opened(*guard, event.connection.opener);
  } else {
    suspects_.push_back({event.cookie, event.connection.guard, event.connection.opener,
                         event.connection.taints | 1u << BELFRY_TAINT_UNRECORDED});
  }
}

// A port's connection is told and judged by the policy; it has no record in the kernel's map, and none is cut.
void Pipeline::Apply(const belfry_event_tcp& event) {
  if (event.header.kind == BELFRY_KIND_TCP_BARRED) return Barred(event, AddressOf(event.ends.server, event.ends.server_port));
  Guard* guard = guards_.ByNumber(event.connection.guard);
  if (guard == nullptr) return;
  const belfry_connection& connection = event.connection;
  const bool recorded = (connection.taints & 1u << BELFRY_TAINT_UNRECORDED) == 0;
  guard->tally.CountTaints(connection.taints);
  ++guard->tally.to_port;
  effect::Entry line = About(recorded ? "connect" : "unrecorded", event, *guard);
  line.source = AddressOf(event.ends.client, event.ends.client_port);
  line.destination = AddressOf(event.ends.server, event.ends.server_port);
  for (const Listener& listener : guard->listeners)
    if (line.served_by.size() < kServersMax) line.served_by.push_back({listener.pin.tgid, listener.path});
  lines_.push_back(std::move(line));
  if (connection.opener.tgid == 0) {
    lines_.back().uid.reset();
    return gate_.OpenedByNobodyKnown(*guard, lines_.back());
  }
  if (journal_.followed()) witness_.Opener(connection, lines_.back());
  std::vector<Cuts::Order> in_vain;
  gate_.Opened(*guard, event.cookie, connection, lines_.back(), in_vain);
}

void Pipeline::Apply(const belfry_event_taint& event) {
  seen_.connections.Apply(event);
  Guard* guard = guards_.ByNumber(event.guard);
  if (guard == nullptr) return;
  guard->tally.CountTaints(event.taints);
  Say({.action = "taint",
       .time_ns = event.header.time_ns,
       .guard = guard->name(),
       .pid = event.by.tgid,
       .pid_start_ns = event.by.start_ns,
       .reasons = verdict::TaintNames(event.taints),
       .cookie = event.cookie},
      event.by);
  const auto record = kernel_.Connection(event.cookie);
  if (record) suspects_.push_back({event.cookie, event.guard, record->opener, event.taints | record->taints});
}

void Pipeline::Apply(const belfry_event_listener& event) {
  listeners_changed_ = true;
  const Guard* guard = guards_.ByNumber(event.guard);
  if (guard == nullptr) return;
  lines_.push_back({.action = "listener", .time_ns = event.header.time_ns, .guard = guard->name(), .pid = event.tgid});
}

// Who tried is named, once for each kind; the connection stays what it is, for nothing was done to it.
void Pipeline::Apply(const belfry_event_refused& event) {
  Guard* guard = guards_.ByNumber(event.guard);
  if (guard == nullptr) return;
  guard->tally.CountRefused(event.use);
  Say({.action = "refused",
       .outcome = "failure",
       .time_ns = event.header.time_ns,
       .guard = guard->name(),
       .pid = event.by.tgid,
       .pid_start_ns = event.by.start_ns,
       .comm = std::string(evidence::Text(event.comm)),
       .reasons = {evidence::UseName(event.use)},
       .mode = verdict::ModeName(guard->mode),
       .cookie = event.cookie},
      event.by);
}

// Every connection of that image is told, with who touched it.
void Pipeline::Apply(const belfry_event_tampered& event) {
  seen_.processes.Apply(event);
  const uint32_t taints = verdict::ImageTaints(event.image_flags);
  for (const evidence::SeenConnection* connection : seen_.connections.OfProcess(event.process.tgid)) {
    const belfry_pin& opener = connection->record.opener;
    Guard* guard = guards_.ByNumber(connection->record.guard);
    if (guard == nullptr || !SameProcess(opener, event.process) || opener.exec_id != event.process.exec_id) continue;
    const auto entry = kernel_.Examine(connection->cookie);
    if (entry && !entry->alive) continue;
    guard->tally.CountTaints(taints);
    Say({.action = "taint",
         .time_ns = event.header.time_ns,
         .guard = guard->name(),
         .pid = event.by.tgid,
         .pid_start_ns = event.by.start_ns,
         .comm = std::string(evidence::Text(event.comm)),
         .reasons = verdict::TaintNames(taints),
         .cookie = connection->cookie},
        event.by);
    suspects_.push_back({connection->cookie, guard->number, opener, taints});
  }
}

// Told before the connection itself, which there is none of if it was refused.
void Pipeline::Apply(const belfry_event_limited& event) {
  Guard* guard = guards_.ByNumber(event.connection.guard);
  if (guard == nullptr) return;
  effect::Entry line = About(event.refused != 0 ? "refused" : "would_withhold", event, *guard);
  line.outcome = event.refused != 0 ? "failure" : "";
  line.reasons = {evidence::UseName(BELFRY_USE_LIMIT)};
  if (guard->config.limit) line.message = "more than " + LimitText(*guard->config.limit);
  if (event.times > 1) line.message += absl::StrCat("; ", event.times - 1, " more since it was last told");
  guard->CountLimited(event.times, event.refused != 0, WhoIs(event.connection), event.header.time_ns);
  lines_.push_back(std::move(line));
  if (journal_.followed() || journal_.alarmed()) witness_.Name(event.connection, lines_.back());
}

// There is no connection: its opener was told EACCES, at a port EPERM.
template <typename Event>
void Pipeline::Barred(const Event& event, const effect::Address& destination) {
  Guard* guard = guards_.ByNumber(event.connection.guard);
  if (guard == nullptr) return;
  effect::Entry line = About("refused", event, *guard);
  line.outcome = "failure";
  line.destination = destination;
  line.reasons = {verdict::kNotAllowed};
  gate_.Barred(*guard, event.connection, line);
  lines_.push_back(std::move(line));
  if (journal_.followed() || journal_.alarmed()) witness_.Name(event.connection, lines_.back());
}

// Named at its place in the stream: by the end of the turn it may have executed something else.
void Pipeline::Say(effect::Entry line, const belfry_pin& who) {
  lines_.push_back(std::move(line));
  if (journal_.followed() || journal_.alarmed()) witness_.Process(who, lines_.back());
}

bool Pipeline::ServesAGuard(const belfry_pin& pin) {
  return std::any_of(guards_.all().begin(), guards_.all().end(), [&](const Guard& guard) { return guard.IsOwn(pin); });
}

// An exec is told with the new exec id: connections of the old one have lost their opener's image.
void Pipeline::SuspectOpener(const belfry_pin& opener, uint32_t taint) {
  std::vector<uint64_t> gone;
  for (const evidence::SeenConnection* connection : seen_.connections.OfProcess(opener.tgid)) {
    const auto entry = kernel_.Examine(connection->cookie);
    if (entry && !entry->alive) {
      gone.push_back(connection->cookie);
      continue;
    }
    const belfry_pin& at_connect = connection->record.opener;
    if (!SameProcess(at_connect, opener)) continue;
    if (taint == BELFRY_TAINT_EXEC_AFTER_CONNECT && at_connect.exec_id == opener.exec_id) continue;
    suspects_.push_back({connection->cookie, connection->record.guard, at_connect, 1u << taint});
    Guard* guard = guards_.ByNumber(connection->record.guard);
    // Who exits leaves what its child or nobody goes on with: that is the verdict's to say.
    if (guard == nullptr || taint != BELFRY_TAINT_EXEC_AFTER_CONNECT) continue;
    guard->tally.CountTaints(1u << taint);
    Say({.action = "taint", .guard = guard->name(), .pid = opener.tgid, .pid_start_ns = opener.start_ns,
         .reasons = {verdict::TaintName(static_cast<int>(taint))}, .cookie = connection->cookie},
        opener);
  }
  Forget(gone);
}

// Before the next sweep: what a flood leaves behind must not be looked at again by each event of its process. An error
// is the sweep's to report, it forgets them too.
void Pipeline::Forget(const std::vector<uint64_t>& gone) {
  for (const uint64_t cookie : gone) {
    seen_.connections.Close(cookie, kit::BootNs());
    cuts_.Forget(cookie);
    kernel_.Forget(cookie).IgnoreError();
  }
}

void Pipeline::Judge() {
  for (const Suspect& suspect : suspects_) {
    const Guard* guard = guards_.ByNumber(suspect.guard);
    if (guard == nullptr || guard->mode != verdict::Mode::kDeny || guard->IsOwn(suspect.opener)) continue;
    const uint32_t bits = suspect.taints & verdict::WithholdingBits(guard->config.policy);
    if (bits == 0) continue;
    orders_.push_back({.guard = suspect.guard, .key = suspect.cookie, .why = verdict::TaintNames(bits).front()});
  }
  // In the same turn: nothing that the server sends from now on may reach whoever holds the other end.
  if (!orders_.empty()) cuts_.Now(orders_, [] {});
}

}  // namespace belfry::engine
