// Which connection records bear which opener's number, and whether that is all of them.
//
// `made` (wire.h) counts, per bucket, the records ever inserted in the kernel; a bucket is complete when we know of as
// many. A lost event leaves it short, until a walk over the map has started it anew. Invariants: a cookie is counted
// once; nothing is counted that the last baseline contained (so the count never runs ahead of `made`).
// Pure; not thread-safe.
#ifndef BELFRY_KERNEL_OPENER_INDEX_H_
#define BELFRY_KERNEL_OPENER_INDEX_H_

#include <cstdint>
#include <deque>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "belfry/wire.h"

namespace belfry::kernel {

class OpenerIndex {
 public:
  // `made` has BELFRY_MADE_BUCKETS entries, is written by the kernel and outlives this.
  explicit OpenerIndex(const uint64_t* made) : made_(made), counted_(BELFRY_MADE_BUCKETS) {}

  // A walk: Restart before the map is read (and after the ring was emptied), Found for each record.
  void Restart();
  void Found(uint64_t cookie, uint32_t tgid);

  void Told(uint64_t cookie, uint32_t tgid);    // by an event
  void Inserted(uint64_t cookie, uint32_t tgid) { Found(cookie, tgid); }  // by ourselves: not in `made`
  void Forgotten(uint64_t cookie);

  bool Complete(uint32_t tgid) const;
  std::vector<uint64_t> Of(uint32_t tgid) const;

 private:
  static constexpr size_t kRemembered = 4096;

  const uint64_t* made_;
  std::vector<uint64_t> counted_;
  absl::flat_hash_map<uint64_t, uint32_t> openers_;  // cookie to tgid
  absl::flat_hash_map<uint32_t, absl::flat_hash_set<uint64_t>> cookies_;
  // Records forgotten lately: their event may still be on its way and must not count for another.
  absl::flat_hash_set<uint64_t> forgotten_;
  std::deque<uint64_t> forgotten_order_;
};

}  // namespace belfry::kernel

#endif  // BELFRY_KERNEL_OPENER_INDEX_H_
