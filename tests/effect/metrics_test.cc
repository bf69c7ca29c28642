// What is measured is told, under names and labels that tables of ours bound.
#include "effect/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <regex>

#include "support/exposition.h"

namespace belfry::effect {
namespace {

using support::SeriesOf;
using support::ValueOf;

Measures Busy() {
  Measures measures{.version = "1.2", .backend = "cgroup", .blind_to = 1u << BELFRY_TAINT_TRACED, .gaps = 2, .gap_ns = 1'500'000'000};
  GuardMeasures guard{.name = "g", .mode = "deny", .served = true, .opened = 7, .open = 3, .sound = 5, .withheld = 2, .cut = 1};
  guard.withheld_for["exec_after_connect"] = 2;
  guard.would_withhold["not_allowed"] = 4;
  guard.taints[BELFRY_TAINT_FD_TRANSFERRED] = 6;
  guard.tainted[BELFRY_TAINT_UNTRUSTED_CODE] = 1;
  guard.refused[BELFRY_USE_TRANSFER] = 8;
  measures.guards.push_back(guard);
  measures.programs.push_back({.name = "data_ready", .seen = 20, .sent = 9, .ignored = 4, .lost_ring = 3, .lost_map = 2, .refused = 1, .missed = 5, .attached = true});
  measures.canaries.emplace_back("connect recorded", true);
  return measures;
}

TEST(Metrics, TellWhatWasMeasured) {
  Measures measures = Busy();
  measures.verdicts.Add(std::chrono::microseconds(200));
  measures.verdicts.Add(std::chrono::seconds(3));
  const std::string text = MetricsText(measures);
  EXPECT_EQ(ValueOf(text, "belfry_backend_info", {{"version", "1.2"}, {"backend", "cgroup"}}), 1);
  EXPECT_EQ(ValueOf(text, "belfry_blind", {{"taint", "traced"}}), 1);
  EXPECT_EQ(ValueOf(text, "belfry_blind", {{"taint", "fd_inherited"}}), 0);
  EXPECT_EQ(ValueOf(text, "belfry_connects_total", {{"guard", "g"}}), 7);
  EXPECT_EQ(ValueOf(text, "belfry_connections", {{"guard", "g"}}), 3);
  EXPECT_EQ(ValueOf(text, "belfry_verdicts_total", {{"guard", "g"}, {"verdict", "sound"}}), 5);
  EXPECT_EQ(ValueOf(text, "belfry_verdicts_total", {{"guard", "g"}, {"verdict", "unavailable"}}), 0);
  EXPECT_EQ(ValueOf(text, "belfry_withheld_total", {{"guard", "g"}, {"reason", "exec_after_connect"}}), 2);
  EXPECT_EQ(ValueOf(text, "belfry_would_withhold_total", {{"guard", "g"}, {"reason", "not_allowed"}}), 4);
  EXPECT_EQ(ValueOf(text, "belfry_cuts_total", {{"guard", "g"}}), 1);
  EXPECT_EQ(ValueOf(text, "belfry_taints_total", {{"guard", "g"}, {"taint", "fd_transferred"}}), 6);
  EXPECT_EQ(ValueOf(text, "belfry_tainted_connections", {{"guard", "g"}, {"taint", "untrusted_code"}}), 1);
  EXPECT_EQ(ValueOf(text, "belfry_refused_total", {{"guard", "g"}, {"use", "transfer"}}), 8);
  EXPECT_EQ(ValueOf(text, "belfry_guard_mode", {{"guard", "g"}, {"mode", "deny"}}), 1);
  EXPECT_EQ(ValueOf(text, "belfry_guard_mode", {{"guard", "g"}, {"mode", "observe"}}), 0);
  EXPECT_EQ(ValueOf(text, "belfry_lost_total", {{"program", "data_ready"}, {"why", "ring_full"}}), 3);
  EXPECT_EQ(ValueOf(text, "belfry_lost_total", {{"program", "data_ready"}, {"why", "map_full"}}), 2);
  EXPECT_EQ(ValueOf(text, "belfry_lost_total", {{"program", "data_ready"}, {"why", "not_run"}}), 5);
  EXPECT_EQ(ValueOf(text, "belfry_events_total", {{"program", "data_ready"}, {"fate", "sent"}}), 9);
  EXPECT_EQ(ValueOf(text, "belfry_gaps", {}), 2);
  EXPECT_EQ(ValueOf(text, "belfry_gap_seconds", {}), 1.5);
  EXPECT_EQ(ValueOf(text, "belfry_verdict_seconds_bucket", {{"le", "0.0001"}}), 0);
  EXPECT_EQ(ValueOf(text, "belfry_verdict_seconds_bucket", {{"le", "0.00025"}}), 1);
  EXPECT_EQ(ValueOf(text, "belfry_verdict_seconds_bucket", {{"le", "2"}}), 1);
  EXPECT_EQ(ValueOf(text, "belfry_verdict_seconds_bucket", {{"le", "+Inf"}}), 2);
  EXPECT_EQ(ValueOf(text, "belfry_verdict_seconds_count", {}), 2);
}

TEST(Metrics, AreAllThereWithNothingMeasured) {
  const std::set<std::string> families = support::FamiliesOf(MetricsText({}));
  for (const MetricName& name : MetricNames()) {
    EXPECT_TRUE(families.contains(name.name)) << name.name;
    EXPECT_FALSE(name.help.empty());
    EXPECT_TRUE(std::regex_match(name.name, std::regex("belfry_[a-z_]+"))) << name.name;
  }
  EXPECT_EQ(families.size(), MetricNames().size());
}

// A new taint, use or label needs no more here than a look at whether it is bounded.
TEST(Metrics, HaveNoLabelsButThese) {
  const std::set<std::string> known = {"guard", "verdict", "reason", "taint", "use",        "mode", "program",
                                       "why",   "fate",    "version", "backend", "capability", "le"};
  for (const support::Series& series : SeriesOf(MetricsText(Busy()))) {
    EXPECT_THAT(series.name, ::testing::StartsWith("belfry_"));
    for (const auto& [label, value] : series.labels) EXPECT_TRUE(known.contains(label)) << series.name << " " << label;
  }
}

}  // namespace
}  // namespace belfry::effect
