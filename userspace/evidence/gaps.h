// When may an event have been lost? Intervals of boot time, both bounds inclusive.
//
// Invariant: a time that was ever in a gap stays in one, whatever is merged to stay bounded: merging only widens.
// Not thread-safe. Units: boot-time nanoseconds.
#ifndef BELFRY_EVIDENCE_GAPS_H_
#define BELFRY_EVIDENCE_GAPS_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace belfry::evidence {

struct Gap {
  uint64_t from_ns = 0;
  uint64_t to_ns = 0;
  std::string why;
};

class Gaps {
 public:
  // capacity >= 1: how many intervals are kept apart. Beyond it the two with the least between them become one.
  explicit Gaps(size_t capacity = 256) : capacity_(capacity == 0 ? 1 : capacity) {}

  // An interval whose ends are known. Bounds in the wrong order are swapped.
  void Add(uint64_t from_ns, uint64_t to_ns, const std::string& why);

  bool Covers(uint64_t time_ns) const { return Overlaps(time_ns, time_ns); }
  bool Overlaps(uint64_t from_ns, uint64_t to_ns) const;

  const std::vector<Gap>& All() const { return gaps_; }  // by time, disjoint

 private:
  void MergeInto(size_t first);  // the one after `first` becomes part of it

  const size_t capacity_;
  std::vector<Gap> gaps_;
};

}  // namespace belfry::evidence

#endif  // BELFRY_EVIDENCE_GAPS_H_
