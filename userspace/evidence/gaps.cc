#include "evidence/gaps.h"

#include <algorithm>
#include <utility>

namespace belfry::evidence {
namespace {

constexpr size_t kWhyBytes = 256;

}  // namespace

void Gaps::Add(uint64_t from_ns, uint64_t to_ns, const std::string& why) {
  if (from_ns > to_ns) std::swap(from_ns, to_ns);
  const auto after = std::upper_bound(gaps_.begin(), gaps_.end(), from_ns,
                                      [](uint64_t time, const Gap& gap) { return time < gap.from_ns; });
  size_t at = after - gaps_.begin();
  gaps_.insert(after, {from_ns, to_ns, why.substr(0, kWhyBytes)});
  if (at > 0 && gaps_[at - 1].to_ns >= from_ns) MergeInto(--at);
  while (at + 1 < gaps_.size() && gaps_[at + 1].from_ns <= gaps_[at].to_ns) MergeInto(at);
  if (gaps_.size() <= capacity_) return;
  size_t closest = 0;
  const auto between = [&](size_t i) { return gaps_[i + 1].from_ns - gaps_[i].to_ns; };
  for (size_t i = 1; i + 1 < gaps_.size(); ++i) {
    if (between(i) < between(closest)) closest = i;
  }
  MergeInto(closest);
}

void Gaps::MergeInto(size_t first) {
  Gap& into = gaps_[first];
  const Gap& from = gaps_[first + 1];
  into.to_ns = std::max(into.to_ns, from.to_ns);
  if (into.why.find(from.why) == std::string::npos) into.why = (into.why + "; " + from.why).substr(0, kWhyBytes);
  gaps_.erase(gaps_.begin() + static_cast<ptrdiff_t>(first) + 1);
}

bool Gaps::Overlaps(uint64_t from_ns, uint64_t to_ns) const {
  return std::any_of(gaps_.begin(), gaps_.end(),
                     [&](const Gap& gap) { return gap.from_ns <= to_ns && from_ns <= gap.to_ns; });
}

}  // namespace belfry::evidence
