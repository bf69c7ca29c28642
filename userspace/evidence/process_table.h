// Who exists and what each runs, with parents: built from exec, fork and exit events, seeded by snapshots.
//
// For explain, audit and ancestry; never for a verdict (invariant 1). A process is (tgid, start time): a number that
// came back is another entry. Bounded: at most `live` living ones and `exited` ended ones; what did not fit is counted.
// About 0.5 KiB for each process plus its arguments (at most 512 bytes, shared with its forks).
// Not thread-safe: owned by the loop thread. Pointers stay valid until the next Apply, Seed or Forget. Times: boot ns.
#ifndef BELFRY_EVIDENCE_PROCESS_TABLE_H_
#define BELFRY_EVIDENCE_PROCESS_TABLE_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "belfry/wire.h"

namespace belfry::evidence {

struct KnownProcess {
  belfry_process record{};                  // as of its last exec or fork; BELFRY_IMAGE_BACKFILLED: from a snapshot
  std::shared_ptr<const std::string> argv;  // NUL separated, as of exec; null: unknown
  bool argv_cut = false;
  std::string script;  // raw; as it was executed, or as /usr/bin/env was told it; empty: none, or not seen
  uint64_t exited_ns = 0;  // 0: lives, as far as we were told
};

struct ProcessLimits {
  size_t live = 65536;
  size_t exited = 4096;
  uint64_t keep_exited_ns = 600'000'000'000;  // ten minutes, for explain
};

class ProcessTable {
 public:
  explicit ProcessTable(ProcessLimits limits = {}) : limits_(limits) {}

  void Apply(const belfry_event_exec& event);
  void Apply(const belfry_event_fork& event);
  void Apply(const belfry_event_exit& event);
  void Apply(const belfry_event_tampered& event);

  // A snapshot of all processes taken at `time_ns`: adds who is missing, ends who is not in it (its exit was lost).
  // Processes that started after `time_ns` are left alone.
  void Seed(std::span<const belfry_live> snapshot, uint64_t time_ns);

  // Drops what ended more than keep_exited_ns ago.
  void Forget(uint64_t now_ns);

  // The living process of that number, else the one that ended last; nullptr if none is known.
  const KnownProcess* Find(uint32_t tgid) const;
  // Exactly that process, living or ended.
  const KnownProcess* Find(uint32_t tgid, uint64_t start_ns) const;
  // Parents as of each one's own fork or exec, nearest first, ended ones included; stops where the chain is not known.
  std::vector<const KnownProcess*> Ancestry(uint32_t tgid) const;
  std::vector<const KnownProcess*> AncestryOf(const belfry_process& record) const;

  size_t live() const { return live_.size(); }
  size_t exited() const { return exited_.size(); }
  uint64_t not_kept() const { return not_kept_; }  // processes that found the table full

 private:
  using Key = std::pair<uint32_t, uint64_t>;  // tgid, start_ns

  // The living entry for this pin, made if there is room; an earlier owner of the number is retired. nullptr: no room.
  KnownProcess* Living(const belfry_pin& pin, uint64_t time_ns);
  void Retire(uint32_t tgid, uint64_t time_ns);
  void DropOldest();

  const ProcessLimits limits_;
  absl::flat_hash_map<uint32_t, std::unique_ptr<KnownProcess>> live_;
  absl::flat_hash_map<Key, std::unique_ptr<KnownProcess>> exited_;
  std::deque<Key> exit_order_;  // oldest first, one entry for each of exited_
  uint64_t not_kept_ = 0;
};

}  // namespace belfry::evidence

#endif  // BELFRY_EVIDENCE_PROCESS_TABLE_H_
