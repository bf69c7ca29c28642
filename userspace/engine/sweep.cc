#include "engine/sweep.h"

#include <algorithm>
#include <optional>
#include <set>
#include <string_view>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "engine/gather_facts.h"
#include "engine/opener_now.h"
#include "verdict/soundness.h"

namespace belfry::engine {
namespace {

// Twenty a second: an agent attests that many without being late for its health check.
constexpr std::chrono::milliseconds kResetApart{50};

// Programs whose missed run leaves a connection with less than its full record. Missed execs, forks and exits show by
// themselves: the living process's pin then differs from what is on record. A read or write that file_* has missed is looked
// at by the program of its own kind too, be it only seen there.
bool Records(std::string_view program) {
  return !program.starts_with("file_") && !program.starts_with("process_") && program != "held_exec" &&
         program != "held_fork" && program != "held_exit";
}

// What can be said of a connection that was found: its number, and who bears that now. The taint keeps it from proof.
belfry_connection Found(const belfry_socket& end, const absl::StatusOr<belfry_live>& opener, belfry_taint taint,
                        uint64_t now_ns) {
  belfry_connection record{};
  record.opener.tgid = end.peercred_tgid;
  record.guard = end.guard;
  record.taints = 1u << taint;
  record.connect_ns = now_ns;
  if (opener.ok()) TakeOpener(*opener, record);
  return record;
}

}  // namespace

bool Sweep::MustEnd(const Guard& guard, const belfry_connection& record, std::string& why) {
  uint32_t taints = record.taints;
  const auto live = kernel_.Live(record.opener.tgid);
  const bool unknown = !live.ok() && !absl::IsNotFound(live.status());  // the next sweep looks again
  if (!unknown && (!live.ok() || !SameProcess(live->pin, record.opener) || live->threads == 0))
    taints |= 1u << BELFRY_TAINT_OPENER_EXITED;
  else if (live.ok() && live->pin.exec_id != record.opener.exec_id)
    taints |= 1u << BELFRY_TAINT_EXEC_AFTER_CONNECT;
  else if (const auto process = kernel_.Process(record.opener.tgid);
           process && SameProcess(process->pin, record.opener) && process->pin.exec_id == record.opener.exec_id)
    taints |= verdict::ImageTaints(process->image_flags);
  for (int taint = 0; taint < BELFRY_TAINT_COUNT; ++taint) {
    const uint32_t bit = 1u << taint;
    if ((taints & bit) == 0 || (!verdict::IsClassA(taint) && (guard.config.policy.withhold_on & bit) == 0)) continue;
    // What was there before us is cut only where the guard says so, and then gently.
    if (taint == BELFRY_TAINT_PREEXISTING) continue;
    why = verdict::TaintName(taint);
    return true;
  }
  return false;
}

// A later connect has taken their places.
void Sweep::CloseTheRest(const std::vector<uint64_t>& before, const std::vector<kernel::ConnectionEntry>& entries,
                         uint64_t now_ns) {
  absl::flat_hash_set<uint64_t> there;
  there.reserve(entries.size());
  for (const kernel::ConnectionEntry& entry : entries) there.insert(entry.cookie);
  for (const uint64_t cookie : before) {
    if (there.contains(cookie)) continue;
    seen_.connections.Close(cookie, now_ns);
    cuts_.Forget(cookie);
  }
}

absl::Status Sweep::Connections(uint64_t now_ns) {
  const std::vector<uint64_t> before = seen_.connections.LiveCookies();
  const auto entries = kernel_.AllConnections();
  if (!entries.ok()) return entries.status();
  // The walk shows more than the stream has told yet. Who connected and ended meanwhile is known by the stream alone: only
  // what is still not known after it was lost.
  drain_();
  CloseTheRest(before, *entries, now_ns);
  std::vector<Cuts::Order> orders;
  for (const kernel::ConnectionEntry& entry : *entries) {
    const bool known = seen_.connections.Find(entry.cookie) != nullptr;
    seen_.connections.Put(entry.cookie, entry.record, entry.alive, now_ns);
    if (entry.alive && !known && seen_.connections.Find(entry.cookie) != nullptr) gate_.Found(entry.cookie, entry.record);
    if (!entry.alive) {
      cuts_.Forget(entry.cookie);
      if (absl::Status status = kernel_.Forget(entry.cookie); !status.ok() && !absl::IsNotFound(status)) return status;
      continue;
    }
    const Guard* guard = guards_.ByNumber(entry.record.guard);
    if (guard == nullptr || guard->mode != verdict::Mode::kDeny || guard->IsOwn(entry.record.opener)) continue;
    std::string why;
    if (MustEnd(*guard, entry.record, why))
      orders.push_back({.guard = entry.record.guard, .key = entry.cookie, .why = why});
  }
  if (!orders.empty()) cuts_.Now(orders, [] {});
  return absl::OkStatus();
}

absl::StatusOr<int> Sweep::MarkUnrecorded(belfry_taint taint, uint64_t now_ns) {
  const auto sockets = kernel_.Sockets(0);
  if (!sockets.ok()) return sockets.status();
  std::map<uint32_t, std::set<uint64_t>> to_reset;
  int found = 0;
  for (const belfry_socket& socket : *sockets) {
    const Guard* guard = socket.end == BELFRY_END_SERVER ? guards_.ByNumber(socket.guard) : nullptr;
    const uint64_t key = KeyOf(socket);
    if (guard == nullptr || kernel_.Connection(key)) continue;
    const auto opener = kernel_.Live(socket.peercred_tgid);
    if (!opener.ok() && !absl::IsNotFound(opener.status())) return opener.status();
    if (opener.ok() && guard->IsOwn(opener->pin)) continue;
    ++found;
    if ((key & kNoCookie) == 0) {
      const belfry_connection record = Found(socket, opener, taint, now_ns);
      if (absl::Status status = kernel_.Insert(key, record); !status.ok()) return status;
      seen_.connections.Put(key, record, true, now_ns);
    }
    if (PreexistingPolicy(guard->config, guard->mode) == Preexisting::kReset)
      to_reset[guard->number].insert(key);
  }
  for (const auto& [guard, keys] : to_reset)
    cuts_.Spread(guard, {keys.begin(), keys.end()}, verdict::TaintName(taint), kResetApart);
  return found;
}

void Sweep::LookForGaps(uint64_t now_ns) {
  for (const kernel::ProgramCounters& program : kernel_.Counters()) {
    if (!Records(program.name)) continue;
    // Not full maps: those leave a connection without any record, which decides by itself and says nothing of others.
    const uint64_t lost = program.missed;
    const auto [at, is_first] = missed_.try_emplace(program.name, lost);
    if (!is_first && lost > at->second)
      gaps_.Add(looked_ns_, now_ns, absl::StrCat(program.name, ": ", lost - at->second, " runs lost"));
    at->second = lost;
  }
  looked_ns_ = now_ns;
}

}  // namespace belfry::engine
