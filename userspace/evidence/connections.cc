#include "evidence/connections.h"

#include <algorithm>

namespace belfry::evidence {
namespace {

bool ByCookie(const SeenConnection* a, const SeenConnection* b) { return a->cookie < b->cookie; }

}  // namespace

SeenConnection* Connections::Slot(uint64_t cookie, uint32_t guard) {
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
  ++opened_[guard];
  return &made;
}

// A taint, or a look at the map, may have been told before.
void Connections::Take(SeenConnection& seen, const belfry_connection& record) {
  const uint32_t taints = seen.record.taints | record.taints;
  LeaveProcess(seen);
  seen.record = record;
  seen.record.taints = taints;
  if (seen.alive) by_process_[record.opener.tgid].insert(seen.cookie);
}

void Connections::LeaveProcess(const SeenConnection& seen) {
  const auto process = by_process_.find(seen.record.opener.tgid);
  if (process == by_process_.end()) return;
  process->second.erase(seen.cookie);
  if (process->second.empty()) by_process_.erase(process);
}

void Connections::Apply(const belfry_event_connect& event) {
  if (event.header.kind != BELFRY_KIND_CONNECT) return;
  SeenConnection* seen = Slot(event.cookie, event.connection.guard);
  if (seen == nullptr) return;
  Take(*seen, event.connection);
}

void Connections::Apply(const belfry_event_taint& event) {
  const auto found = by_cookie_.find(event.cookie);
  if (found != by_cookie_.end()) found->second.record.taints |= event.taints;
}

void Connections::Put(uint64_t cookie, const belfry_connection& record, bool alive, uint64_t now_ns) {
  SeenConnection* seen = Slot(cookie, record.guard);
  if (seen == nullptr) return;
  Take(*seen, record);
  if (!alive) Close(cookie, now_ns);
}

// A cookie is never reused, so a closed connection never opens again.
void Connections::Close(uint64_t cookie, uint64_t now_ns) {
  const auto found = by_cookie_.find(cookie);
  if (found == by_cookie_.end() || !found->second.alive) return;
  LeaveProcess(found->second);
  found->second.alive = false;
  found->second.closed_ns = now_ns;
  closed_.push_back(cookie);
  if (on_closed_) on_closed_(found->second);
}

const SeenConnection* Connections::Find(uint64_t cookie) const {
  const auto found = by_cookie_.find(cookie);
  return found == by_cookie_.end() ? nullptr : &found->second;
}

std::vector<uint64_t> Connections::LiveCookies() const {
  std::vector<uint64_t> out;
  for (const auto& [cookie, seen] : by_cookie_)
    if (seen.alive) out.push_back(cookie);
  return out;
}

size_t Connections::Live(uint32_t guard) const {
  return std::count_if(by_cookie_.begin(), by_cookie_.end(),
                       [&](const auto& entry) { return entry.second.alive && entry.second.record.guard == guard; });
}

uint64_t Connections::Opened(uint32_t guard) const {
  const auto found = opened_.find(guard);
  return found == opened_.end() ? 0 : found->second;
}

void Connections::EachLive(const std::function<void(const SeenConnection&)>& each) const {
  for (const auto& [cookie, seen] : by_cookie_)
    if (seen.alive) each(seen);
}

std::vector<const SeenConnection*> Connections::OfGuard(uint32_t guard) const {
  std::vector<const SeenConnection*> out;
  for (const auto& [cookie, seen] : by_cookie_)
    if (seen.alive && seen.record.guard == guard) out.push_back(&seen);
  std::sort(out.begin(), out.end(), ByCookie);
  return out;
}

std::vector<const SeenConnection*> Connections::OfProcess(uint32_t tgid) const {
  const auto process = by_process_.find(tgid);
  if (process == by_process_.end()) return {};
  std::vector<const SeenConnection*> out;
  for (const uint64_t cookie : process->second) out.push_back(&by_cookie_.at(cookie));
  std::sort(out.begin(), out.end(), ByCookie);
  return out;
}

}  // namespace belfry::evidence
