#include "evidence/connections.h"

#include <algorithm>

namespace belfry::evidence {

SeenConnection* Connections::Slot(uint64_t cookie) {
  if (const auto found = by_cookie_.find(cookie); found != by_cookie_.end()) return &found->second;
  if (by_cookie_.size() >= capacity_ && !closed_.empty()) {
    by_cookie_.erase(closed_.front());
    closed_.pop_front();
  }
  if (by_cookie_.size() >= capacity_) {
    ++not_kept_;
    return nullptr;
  }
  SeenConnection& made = by_cookie_[cookie];
  made.cookie = cookie;
  return &made;
}

void Connections::Apply(const belfry_event_connect& event) {
  if (event.header.kind != BELFRY_KIND_CONNECT) return;
  SeenConnection* seen = Slot(event.cookie);
  if (seen == nullptr) return;
  // A taint, or a look at the map, may have been told before.
  const uint32_t taints = seen->record.taints | event.connection.taints;
  seen->record = event.connection;
  seen->record.taints = taints;
}

void Connections::Apply(const belfry_event_taint& event) {
  const auto found = by_cookie_.find(event.cookie);
  if (found != by_cookie_.end()) found->second.record.taints |= event.taints;
}

void Connections::Put(uint64_t cookie, const belfry_connection& record, bool alive, uint64_t now_ns) {
  SeenConnection* seen = Slot(cookie);
  if (seen == nullptr) return;
  const uint32_t taints = seen->record.taints | record.taints;
  seen->record = record;
  seen->record.taints = taints;
  if (!alive) Close(cookie, now_ns);
}

// A cookie is never reused, so a closed connection never opens again.
void Connections::Close(uint64_t cookie, uint64_t now_ns) {
  const auto found = by_cookie_.find(cookie);
  if (found == by_cookie_.end() || !found->second.alive) return;
  found->second.alive = false;
  found->second.closed_ns = now_ns;
  closed_.push_back(cookie);
}

const SeenConnection* Connections::Find(uint64_t cookie) const {
  const auto found = by_cookie_.find(cookie);
  return found == by_cookie_.end() ? nullptr : &found->second;
}

size_t Connections::Live(uint32_t guard) const {
  return std::count_if(by_cookie_.begin(), by_cookie_.end(),
                       [&](const auto& entry) { return entry.second.alive && entry.second.record.guard == guard; });
}

template <typename Wanted>
std::vector<const SeenConnection*> Connections::Where(Wanted wanted) const {
  std::vector<const SeenConnection*> out;
  for (const auto& [cookie, seen] : by_cookie_) {
    if (wanted(seen)) out.push_back(&seen);
  }
  std::sort(out.begin(), out.end(), [](const auto* a, const auto* b) { return a->cookie < b->cookie; });
  return out;
}

std::vector<const SeenConnection*> Connections::OfGuard(uint32_t guard) const {
  return Where([&](const SeenConnection& c) { return c.alive && c.record.guard == guard; });
}

std::vector<const SeenConnection*> Connections::OfProcess(uint32_t tgid) const {
  return Where([&](const SeenConnection& c) { return c.record.opener.tgid == tgid; });
}

}  // namespace belfry::evidence
