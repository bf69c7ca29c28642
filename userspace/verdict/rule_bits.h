// One bit for each rule of a guard, and lists of rules as the words of such bits that are not zero.
// Not thread-safe while changed. Costs a word for 64 rules.
#ifndef BELFRY_VERDICT_RULE_BITS_H_
#define BELFRY_VERDICT_RULE_BITS_H_

#include <bit>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

namespace belfry::verdict {

// Which rules name one value. Rules are added in their order.
class RulePosting {
 public:
  void Add(size_t rule) {
    const auto word = static_cast<uint32_t>(rule / 64);
    if (words_.empty() || words_.back().first != word) words_.emplace_back(word, 0);
    words_.back().second |= uint64_t{1} << rule % 64;
  }
  const std::vector<std::pair<uint32_t, uint64_t>>& words() const { return words_; }

 private:
  std::vector<std::pair<uint32_t, uint64_t>> words_;
};

class RuleBits {
 public:
  explicit RuleBits(size_t rules = 0) : words_((rules + 63) / 64) {}

  void Set(size_t rule) { words_[rule / 64] |= uint64_t{1} << rule % 64; }
  bool Has(size_t rule) const { return (words_[rule / 64] >> rule % 64 & 1) != 0; }
  void Add(const RulePosting& posting) {
    for (const auto& [word, bits] : posting.words()) words_[word] |= bits;
  }
  std::optional<size_t> First() const {
    for (size_t i = 0; i < words_.size(); ++i)
      if (words_[i] != 0) return i * 64 + static_cast<size_t>(std::countr_zero(words_[i]));
    return std::nullopt;
  }
  std::vector<uint64_t>& words() { return words_; }
  const std::vector<uint64_t>& words() const { return words_; }

 private:
  std::vector<uint64_t> words_;
};

}  // namespace belfry::verdict

#endif  // BELFRY_VERDICT_RULE_BITS_H_
