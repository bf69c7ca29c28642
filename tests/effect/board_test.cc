// What the alert rules, their test and the board name is what MetricsText tells; tests/daemon asks the built daemon.
#include <gtest/gtest.h>

#include <fstream>
#include <regex>

#include "effect/metrics.h"
#include "support/exposition.h"

namespace belfry::effect {
namespace {

class NamedInDeploy : public ::testing::TestWithParam<const char*> {};

TEST_P(NamedInDeploy, IsAMetricOrASeriesOfOne) {
  const std::set<std::string> families = support::FamiliesOf(MetricsText({}));
  std::ifstream in(std::string(BELFRY_SOURCE_DIR "/deploy/") + GetParam());
  const std::string text((std::istreambuf_iterator<char>(in)), {});
  const std::set<std::string> unknown = support::NamedButNotIn(families, text);
  EXPECT_EQ(unknown, std::set<std::string>());
  EXPECT_GT(support::MetricsNamedIn(text).size(), 5u);
}

INSTANTIATE_TEST_SUITE_P(All, NamedInDeploy, ::testing::ValuesIn(support::kNamingMetrics));

// A metric that nobody looks at is one too many, or a board that misses something.
TEST(Board, AsksForEveryMetric) {
  std::ifstream in(BELFRY_SOURCE_DIR "/deploy/grafana/belfry.json");
  const std::string text((std::istreambuf_iterator<char>(in)), {});
  const std::set<std::string> named = support::MetricsNamedIn(text);
  for (const MetricName& metric : MetricNames()) {
    const bool there = named.contains(metric.name) || named.contains(metric.name + "_bucket");
    EXPECT_TRUE(there) << metric.name;
  }
}

}  // namespace
}  // namespace belfry::effect
