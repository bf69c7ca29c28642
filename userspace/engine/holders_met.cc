#include "engine/holders_met.h"

#include <algorithm>

#include "engine/guard.h"

namespace belfry::engine {
namespace {

bool IsMessage(const belfry_socket& holder) { return holder.in_flight != 0 || holder.holder_tgid == 0; }

}  // namespace

void HoldersMet::Remember(const std::vector<verdict::ConnectionFacts>& connections, Time now) {
  for (const verdict::ConnectionFacts& connection : connections)
    for (const belfry_socket& holder : connection.foreign_holders)
      first_met_.try_emplace({holder.holder_tgid, holder.holder_start_ns}, now);
}

bool HoldersMet::HasStayed(const belfry_socket& holder, Time now) const {
  const auto met = first_met_.find({holder.holder_tgid, holder.holder_start_ns});
  return met != first_met_.end() && now - met->second >= stayed_;
}

// The record is written at fork by the one who forks, and anew at each exec: of the same exec as the opener's is only
// what the opener forked and what has run nothing else since.
bool HoldersMet::IsFork(const belfry_socket& holder, const belfry_process& opener) {
  const auto record = kernel_.Process(holder.holder_tgid);
  return record && record->pin.start_ns == holder.holder_start_ns && record->exec_ns == opener.exec_ns &&
         record->pin.exec_id == opener.pin.exec_id && record->parent_tgid == opener.pin.tgid &&
         record->parent_start_ns == opener.pin.start_ns;
}

bool HoldersMet::MovedOn(const verdict::Facts& facts, Time now) {
  for (const verdict::ConnectionFacts& connection : facts.connections)
    for (const belfry_socket& holder : connection.foreign_holders) {
      if (IsMessage(holder) || HasStayed(holder, now)) return false;
      const auto live = kernel_.Live(holder.holder_tgid);
      if (!live.ok() || live->pin.start_ns != holder.holder_start_ns || live->pin.exec_id != connection.record.opener.exec_id)
        return true;
    }
  return false;
}

bool HoldersMet::ForgiveNewborns(verdict::Facts& facts, Time now) {
  // Without a record of its own exec there is nothing to compare with.
  if (!facts.process || facts.process->exec_ns == 0 || (facts.process->image_flags & BELFRY_IMAGE_BACKFILLED) != 0) return false;
  size_t forgiven = 0;
  for (verdict::ConnectionFacts& connection : facts.connections) {
    const belfry_pin& opener = connection.record.opener;
    if (!SameProcess(opener, facts.process->pin) || opener.exec_id != facts.process->pin.exec_id) continue;
    forgiven += std::erase_if(connection.foreign_holders, [&](const belfry_socket& holder) {
      return !IsMessage(holder) && !HasStayed(holder, now) && IsFork(holder, *facts.process);
    });
  }
  return forgiven > 0;
}

}  // namespace belfry::engine
