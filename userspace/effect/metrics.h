// Measures in, the text that Prometheus reads out. Pure; thread-safe.
#ifndef BELFRY_EFFECT_METRICS_H_
#define BELFRY_EFFECT_METRICS_H_

#include <string>
#include <vector>

#include "effect/measures.h"

namespace belfry::effect {

// Exposition format 0.0.4.
std::string MetricsText(const Measures& measures);

// Every metric there is, in the order of the text.
struct MetricName {
  std::string name, help;
};
std::vector<MetricName> MetricNames();

}  // namespace belfry::effect

#endif  // BELFRY_EFFECT_METRICS_H_
