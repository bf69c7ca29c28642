// How long verdicts took, as a histogram: one addition for each, nothing is kept of the single one.
// Not thread-safe: owned by the loop thread, read as a copy.
#ifndef BELFRY_EFFECT_LATENCY_H_
#define BELFRY_EFFECT_LATENCY_H_

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <iterator>

namespace belfry::effect {

struct Latency {
  // Upper bounds, seconds: a warm answer takes a fraction of a millisecond, the plugin's deadline is 2 s.
  static constexpr double kBounds[] = {0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.5, 1, 2};

  std::array<uint64_t, std::size(kBounds) + 1> counts{};  // not cumulative; the last one has no bound
  double sum = 0;                                         // seconds

  void Add(std::chrono::duration<double> took) {
    const auto bound = std::lower_bound(std::begin(kBounds), std::end(kBounds), took.count());
    ++counts[static_cast<size_t>(bound - std::begin(kBounds))];
    sum += took.count();
  }
};

}  // namespace belfry::effect

#endif  // BELFRY_EFFECT_LATENCY_H_
