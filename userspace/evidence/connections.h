// The connections to guarded sockets as the event stream and snapshots tell them: what status and audit show.
//
// For people; never for a verdict (invariant 1). Bounded: closed ones go first, oldest first; then new ones are not
// kept and counted. Not thread-safe: owned by the loop thread. Pointers stay valid until the next change. Times: boot
// ns.
#ifndef BELFRY_EVIDENCE_CONNECTIONS_H_
#define BELFRY_EVIDENCE_CONNECTIONS_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "belfry/wire.h"

namespace belfry::evidence {

struct SeenConnection {
  uint64_t cookie = 0;
  belfry_connection record{};
  bool alive = true;
  uint64_t closed_ns = 0;  // when we noticed, 0 while alive
};

class Connections {
 public:
  explicit Connections(size_t capacity = 65536) : capacity_(capacity) {}

  void Apply(const belfry_event_connect& event);  // CONNECT only: UNRECORDED has no record to keep
  void Apply(const belfry_event_taint& event);

  // What a look at the kernel's map said about one connection: it decides over the stream. Taints only grow.
  void Put(uint64_t cookie, const belfry_connection& record, bool alive, uint64_t now_ns);
  void Close(uint64_t cookie, uint64_t now_ns);

  const SeenConnection* Find(uint64_t cookie) const;
  size_t Live(uint32_t guard) const;
  uint64_t Opened(uint32_t guard) const;  // ever kept, closed ones too
  void EachLive(const std::function<void(const SeenConnection&)>& each) const;
  std::vector<uint64_t> LiveCookies() const;
  std::vector<const SeenConnection*> OfGuard(uint32_t guard) const;   // live ones, by cookie
  std::vector<const SeenConnection*> OfProcess(uint32_t tgid) const;  // live ones, by cookie; costs what it returns

  // Called once for each, when it is noticed to be gone.
  void OnClosed(std::function<void(const SeenConnection&)> closed) { on_closed_ = std::move(closed); }

  size_t live() const { return by_cookie_.size() - closed_.size(); }
  size_t size() const { return by_cookie_.size(); }
  uint64_t not_kept() const { return not_kept_; }

 private:
  SeenConnection* Slot(uint64_t cookie, uint32_t guard);
  void Take(SeenConnection& seen, const belfry_connection& record);
  void LeaveProcess(const SeenConnection& seen);

  const size_t capacity_;
  absl::flat_hash_map<uint64_t, SeenConnection> by_cookie_;
  absl::flat_hash_map<uint32_t, absl::flat_hash_set<uint64_t>> by_process_;  // live ones, by their opener's number
  std::deque<uint64_t> closed_;                                              // oldest first
  absl::flat_hash_map<uint32_t, uint64_t> opened_;  // by guard
  uint64_t not_kept_ = 0;
  std::function<void(const SeenConnection&)> on_closed_;
};

}  // namespace belfry::evidence

#endif  // BELFRY_EVIDENCE_CONNECTIONS_H_
