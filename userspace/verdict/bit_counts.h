// A small number for each rule, kept as bits: counts 64 rules in one step, and finds who has the least or the most.
// Not thread-safe. Counts up to 15, which is more than there are fields.
#ifndef BELFRY_VERDICT_BIT_COUNTS_H_
#define BELFRY_VERDICT_BIT_COUNTS_H_

#include <array>
#include <cstddef>
#include <cstdint>

#include "verdict/field.h"
#include "verdict/rule_bits.h"

namespace belfry::verdict {

class BitCounts {
 public:
  explicit BitCounts(size_t rules) {
    for (RuleBits& plane : planes_) plane = RuleBits(rules);
  }

  // One more for each rule in `bits`.
  void Add(const RuleBits& bits) {
    for (size_t i = 0; i < bits.words().size(); ++i) {
      uint64_t carry = bits.words()[i];
      for (RuleBits& plane : planes_) {
        const uint64_t sum = plane.words()[i] ^ carry;
        carry &= plane.words()[i];
        plane.words()[i] = sum;
      }
    }
  }
  RuleBits Least(RuleBits among) const { return Pick(std::move(among), false); }
  RuleBits Most(RuleBits among) const { return Pick(std::move(among), true); }

 private:
  // From the highest digit down: those whose digit is as wanted, if there are any.
  RuleBits Pick(RuleBits among, bool ones) const {
    for (auto plane = planes_.rbegin(); plane != planes_.rend(); ++plane) {
      RuleBits left = among;
      for (size_t i = 0; i < left.words().size(); ++i) left.words()[i] &= ones ? plane->words()[i] : ~plane->words()[i];
      if (left.First()) among = std::move(left);
    }
    return among;
  }

  static constexpr size_t kDigits = 4;
  static_assert(kFields < 1u << kDigits);
  std::array<RuleBits, kDigits> planes_;
};

}  // namespace belfry::verdict

#endif  // BELFRY_VERDICT_BIT_COUNTS_H_
