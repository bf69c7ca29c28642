#include "engine/gather_facts.h"

#include <algorithm>
#include <set>

#include "engine/holders.h"

namespace belfry::engine {
namespace {

// Ends of this guard's connections that the kernel attributes to `tgid`, in the tables of those who serve it; of every
// process while nobody is known to.
absl::Status ReadServerEnds(kernel::Kernel& kernel, const Guard& guard, uint32_t tgid, Gathered& into) {
  std::set<uint32_t> tables;
  for (const Listener& listener : guard.listeners) tables.insert(listener.pin.tgid);
  if (tables.empty()) tables.insert(0);
  for (const uint32_t table : tables) {
    const auto sockets = kernel.Sockets(table);
    if (!sockets.ok()) return sockets.status();
    for (const belfry_socket& socket : *sockets)
      if (socket.end == BELFRY_END_SERVER && socket.guard == guard.number && socket.peercred_tgid == tgid)
        into.server_ends.emplace(KeyOf(socket), socket);
  }
  return absl::OkStatus();
}

// No record decides: a served connection that the kernel part never wrote down is a connection all the same.
void AddUnrecorded(const std::set<uint64_t>& recorded, Gathered& into) {
  for (const auto& [key, end] : into.server_ends) {
    if (recorded.contains(key)) continue;
    verdict::ConnectionFacts connection;
    connection.cookie = key;
    connection.record.opener.tgid = end.peercred_tgid;
    connection.record.guard = end.guard;
    connection.record.taints = 1u << BELFRY_TAINT_UNRECORDED;
    connection.holders_searched = true;
    into.facts.connections.push_back(connection);
  }
}

// A recorded connection that none of the guard's listeners holds was accepted by someone else, or by nobody yet.
absl::Status MarkForeignAcceptors(kernel::Kernel& kernel, const Guard& guard, Gathered& into) {
  if (guard.listeners.empty()) return absl::OkStatus();
  std::map<uint64_t, verdict::ConnectionFacts*> missing;
  for (verdict::ConnectionFacts& connection : into.facts.connections)
    if (!into.server_ends.contains(connection.cookie)) missing.emplace(connection.cookie, &connection);
  if (missing.empty()) return absl::OkStatus();
  const auto everywhere = kernel.Sockets(0);
  if (!everywhere.ok()) return everywhere.status();
  std::set<uint64_t> own;
  for (const belfry_socket& socket : *everywhere) {
    if (socket.end != BELFRY_END_SERVER || !missing.contains(KeyOf(socket))) continue;
    into.server_ends.emplace(KeyOf(socket), socket);
    if (guard.IsOwn({.start_ns = socket.holder_start_ns, .tgid = socket.holder_tgid})) own.insert(KeyOf(socket));
  }
  for (auto& [key, connection] : missing)
    if (into.server_ends.contains(key) && !own.contains(key))
      connection->record.taints |= 1u << BELFRY_TAINT_FOREIGN_ACCEPTOR;
  return absl::OkStatus();
}

void LeaveOutEnded(const std::set<uint64_t>& ended, std::vector<verdict::ConnectionFacts>& connections) {
  const auto has_ended = [&](const verdict::ConnectionFacts& one) { return ended.contains(one.cookie); };
  if (!std::all_of(connections.begin(), connections.end(), has_ended)) std::erase_if(connections, has_ended);
}

// Nothing is open any more: what was cut between the request and the question can still tell why. Never as proof.
void AddGone(const std::vector<kernel::ConnectionEntry>& gone, Gathered& into) {
  if (!into.facts.connections.empty()) return;
  for (const kernel::ConnectionEntry& entry : gone) {
    verdict::ConnectionFacts connection;
    connection.cookie = entry.cookie;
    connection.record = entry.record;
    connection.record.taints |= 1u << BELFRY_TAINT_UNRECORDED;
    connection.holders_searched = true;
    into.facts.connections.push_back(connection);
  }
}

absl::Status ReadConnections(kernel::Kernel& kernel, const Guard& guard, uint32_t tgid, const Already& already,
                             Gathered& into) {
  // Ends first, records second: a connection made in between has a record and no end, never the other way round.
  if (absl::Status status = ReadServerEnds(kernel, guard, tgid, into); !status.ok()) return status;
  const auto entries = kernel.ConnectionsOf(tgid);
  if (!entries.ok()) return entries.status();
  std::set<uint64_t> recorded;
  std::vector<kernel::ConnectionEntry> gone;
  for (const kernel::ConnectionEntry& entry : *entries) {
    if (entry.record.guard != guard.number) continue;
    recorded.insert(entry.cookie);
    if (!entry.alive) {
      gone.push_back(entry);
      continue;
    }
    verdict::ConnectionFacts connection;
    connection.cookie = entry.cookie;
    connection.record = entry.record;
    into.facts.connections.push_back(connection);
  }
  if (already.ended != nullptr) LeaveOutEnded(*already.ended, into.facts.connections);
  if (kernel.RefusesUse()) {
    for (verdict::ConnectionFacts& connection : into.facts.connections) connection.holders_searched = true;
  } else if (absl::Status status = SearchHolders(kernel, tgid, already.iterator_references, into.facts.connections);
             !status.ok()) {
    return status;
  }
  if (absl::Status status = MarkForeignAcceptors(kernel, guard, into); !status.ok()) return status;
  AddUnrecorded(recorded, into);
  AddGone(gone, into);
  return absl::OkStatus();
}

// Only what is known to have ended is nobody.
absl::Status Look(kernel::Kernel& kernel, uint32_t tgid, std::optional<belfry_live>& seen) {
  const auto live = kernel.Live(tgid);
  if (!live.ok() && !absl::IsNotFound(live.status())) return live.status();
  if (live.ok()) seen = *live;
  return absl::OkStatus();
}

}  // namespace

uint64_t KeyOf(const belfry_socket& server_end) {
  return server_end.peer_cookie != 0 ? server_end.peer_cookie : kNoCookie | server_end.sock_inode;
}

absl::StatusOr<Gathered> GatherFacts(kernel::Kernel& kernel, const Guard& guard, const evidence::Gaps& gaps,
                                     int64_t asked_pid, uint32_t tgid, const Already& already) {
  Gathered gathered;
  verdict::Facts& facts = gathered.facts;
  facts.asked_pid = asked_pid;
  facts.tgid = tgid;
  if (tgid == 0) return gathered;
  if (absl::Status status = Look(kernel, tgid, facts.live); !status.ok()) return status;
  facts.process = kernel.Process(tgid);
  if (absl::Status status = ReadConnections(kernel, guard, tgid, already, gathered); !status.ok()) return status;
  if (absl::Status status = Look(kernel, tgid, facts.live_after); !status.ok()) return status;
  for (const verdict::ConnectionFacts& connection : facts.connections)
    facts.gap = facts.gap || (connection.record.connect_ns != 0 && gaps.Covers(connection.record.connect_ns));
  return gathered;
}

}  // namespace belfry::engine
