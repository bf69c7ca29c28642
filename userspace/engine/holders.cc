#include "engine/holders.h"

#include <algorithm>
#include <map>

namespace belfry::engine {
namespace {

// True if every reference to the client's end is a slot of the opener's own table.
bool ExplainedByOwnSlots(const std::vector<belfry_socket>& own, uint64_t cookie, uint32_t iterator_references) {
  uint32_t slots = 0, references = 0;
  for (const belfry_socket& slot : own) {
    if (slot.end != BELFRY_END_CLIENT || slot.cookie != cookie) continue;
    if (slot.in_flight != 0) return false;
    ++slots;
    references = std::max(references, slot.file_refs);
  }
  return slots > 0 && references > 0 && references <= slots + iterator_references;
}

bool IsForeign(const belfry_socket& holder, const belfry_pin& opener) {
  return holder.in_flight != 0 || holder.holder_tgid != opener.tgid || holder.holder_start_ns != opener.start_ns;
}

}  // namespace

absl::Status SearchHolders(kernel::Kernel& kernel, uint32_t tgid, uint32_t iterator_references,
                           std::vector<verdict::ConnectionFacts>& connections) {
  if (connections.empty()) return absl::OkStatus();
  const auto own = kernel.Sockets(tgid);
  if (!own.ok()) return own.status();
  std::map<uint64_t, verdict::ConnectionFacts*> open;
  std::vector<uint64_t> cookies;
  for (verdict::ConnectionFacts& connection : connections) {
    connection.holders_searched = true;
    if (ExplainedByOwnSlots(*own, connection.cookie, iterator_references)) continue;
    open.emplace(connection.cookie, &connection);
    cookies.push_back(connection.cookie);
  }
  if (cookies.empty()) return absl::OkStatus();
  const auto holders = kernel.HoldersOf(cookies);
  if (!holders.ok()) return holders.status();
  for (const belfry_socket& holder : *holders) {
    const auto at = open.find(holder.cookie);
    if (at == open.end() || !IsForeign(holder, at->second->record.opener)) continue;
    at->second->foreign_holders.push_back(holder);
  }
  return absl::OkStatus();
}

}  // namespace belfry::engine
