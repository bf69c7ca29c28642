#include "effect/metrics.h"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <limits>
#include <utility>

#include "evidence/decode.h"
#include "verdict/soundness.h"

namespace belfry::effect {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;
using Labels = std::vector<ClientMetric::Label>;

void Add(MetricFamily& family, Labels labels, uint64_t value) {
  ClientMetric& series = family.metric.emplace_back();
  series.label = std::move(labels);
  (family.type == MetricType::Counter ? series.counter.value : series.gauge.value) = static_cast<double>(value);
}

template <uint64_t GuardMeasures::*kCount>
void OfGuards(const Measures& measures, MetricFamily& into) {
  for (const GuardMeasures& guard : measures.guards) Add(into, {{"guard", guard.name}}, guard.*kCount);
}
template <bool GuardMeasures::*kTruth>
void TruthOfGuards(const Measures& measures, MetricFamily& into) {
  for (const GuardMeasures& guard : measures.guards) Add(into, {{"guard", guard.name}}, guard.*kTruth);
}
// From their first occurrence on: twenty reasons for each guard that has none would be most of the text.
template <ByReason GuardMeasures::*kCounts>
void Reasons(const Measures& measures, MetricFamily& into) {
  for (const GuardMeasures& guard : measures.guards)
    for (const auto& [reason, count] : guard.*kCounts) Add(into, {{"guard", guard.name}, {"reason", reason}}, count);
}
template <ByTaint GuardMeasures::*kCounts>
void Taints(const Measures& measures, MetricFamily& into) {
  for (const GuardMeasures& guard : measures.guards)
    for (int taint = 0; taint < BELFRY_TAINT_COUNT; ++taint)
      Add(into, {{"guard", guard.name}, {"taint", verdict::TaintName(taint)}}, (guard.*kCounts)[taint]);
}

void Verdicts(const Measures& measures, MetricFamily& into) {
  for (const GuardMeasures& guard : measures.guards)
    for (const auto& [verdict, count] : {std::pair(verdict::Outcome::kSound, guard.sound),
                                         std::pair(verdict::Outcome::kWithheld, guard.withheld),
                                         std::pair(verdict::Outcome::kUnavailable, guard.unavailable)})
      Add(into, {{"guard", guard.name}, {"verdict", verdict::OutcomeName(verdict)}}, count);
}

void Latencies(const Measures& measures, MetricFamily& into) {
  ClientMetric::Histogram& histogram = into.metric.emplace_back().histogram;
  histogram.sample_sum = measures.verdicts.sum;
  for (size_t i = 0; i < measures.verdicts.counts.size(); ++i) {
    histogram.sample_count += measures.verdicts.counts[i];
    const bool bounded = i < std::size(Latency::kBounds);
    histogram.bucket.push_back({.cumulative_count = histogram.sample_count,
                                .upper_bound = bounded ? Latency::kBounds[i] : std::numeric_limits<double>::infinity()});
  }
}

void Refused(const Measures& measures, MetricFamily& into) {
  for (const GuardMeasures& guard : measures.guards)
    for (uint32_t use = 0; use < BELFRY_USE_MAX; ++use)
      Add(into, {{"guard", guard.name}, {"use", evidence::UseName(use)}}, guard.refused[use]);
}

void Modes(const Measures& measures, MetricFamily& into) {
  for (const GuardMeasures& guard : measures.guards)
    for (const verdict::Mode mode : {verdict::Mode::kObserve, verdict::Mode::kWarn, verdict::Mode::kDeny})
      Add(into, {{"guard", guard.name}, {"mode", verdict::ModeName(mode)}}, guard.mode == verdict::ModeName(mode));
}

using kernel::ProgramCounters;
template <uint64_t ProgramCounters::*kCount>
void OfPrograms(const Measures& measures, MetricFamily& into) {
  for (const ProgramCounters& program : measures.programs) Add(into, {{"program", program.name}}, program.*kCount);
}
void Events(const Measures& measures, MetricFamily& into) {
  for (const ProgramCounters& program : measures.programs)
    for (const auto& [fate, count] : {std::pair("sent", program.sent), std::pair("ignored", program.ignored)})
      Add(into, {{"program", program.name}, {"fate", fate}}, count);
}
void Losses(const Measures& measures, MetricFamily& into) {
  for (const ProgramCounters& program : measures.programs)
    for (const auto& [why, count] : {std::pair("ring_full", program.lost_ring), std::pair("map_full", program.lost_map),
                                     std::pair("not_run", program.missed)})
      Add(into, {{"program", program.name}, {"why", why}}, count);
}
void Attached(const Measures& measures, MetricFamily& into) {
  for (const ProgramCounters& program : measures.programs) Add(into, {{"program", program.name}}, program.attached);
}

void Blind(const Measures& measures, MetricFamily& into) {
  for (int taint = 0; taint < BELFRY_TAINT_COUNT; ++taint)
    Add(into, {{"taint", verdict::TaintName(taint)}}, (measures.blind_to >> taint) & 1);
}
void Canaries(const Measures& measures, MetricFamily& into) {
  for (const auto& [capability, ok] : measures.canaries) Add(into, {{"capability", capability}}, ok);
}
void GapSeconds(const Measures& measures, MetricFamily& into) {
  into.metric.emplace_back().gauge.value = static_cast<double>(measures.gap_ns) / 1e9;
}
void Undecoded(const Measures& measures, MetricFamily& into) {
  Add(into, {{"why", "malformed"}}, measures.malformed);
  Add(into, {{"why", "unknown"}}, measures.unknown);
}

struct Metric {
  const char* name;
  MetricType type;
  const char* help;
  void (*fill)(const Measures& measures, MetricFamily& into);
};

constexpr auto kCounter = MetricType::Counter, kGauge = MetricType::Gauge;
constexpr Metric kMetrics[] = {
    {"belfry_backend_info", kGauge, "1 for the version that runs and the backend that is live",
     [](const Measures& m, MetricFamily& into) { Add(into, {{"version", m.version}, {"backend", m.backend}}, 1); }},
    {"belfry_canary_working", kGauge, "1: the hook was seen working on Belfry itself, at start or at the last status", Canaries},
    {"belfry_program_attached", kGauge, "1: the program in the kernel is live", Attached},
    {"belfry_blind", kGauge, "1: the backend cannot see this taint", Blind},
    {"belfry_disarmed", kGauge, "1: the off switch is set, every guard observes",
     [](const Measures& m, MetricFamily& into) { Add(into, {}, m.disarmed); }},
    {"belfry_guard_mode", kGauge, "1 for the mode in force", Modes},
    {"belfry_guard_served", kGauge, "1: a process that may serve the guarded socket does", TruthOfGuards<&GuardMeasures::served>},
    {"belfry_guard_impostor", kGauge, "1: a process that may not serve the guarded socket does", TruthOfGuards<&GuardMeasures::impostor>},
    {"belfry_connects_total", kCounter, "connections seen, those found open at start too", OfGuards<&GuardMeasures::opened>},
    {"belfry_connections", kGauge, "connections open now", OfGuards<&GuardMeasures::open>},
    {"belfry_verdicts_total", kCounter, "verdicts, and connects that no rule allows (withheld), in any mode", Verdicts},
    {"belfry_withheld_total", kCounter, "withheld in deny, by reason; a reason is there from its first time", Reasons<&GuardMeasures::withheld_for>},
    {"belfry_would_withhold_total", kCounter, "deny would have withheld it, by reason; a reason is there from its first time", Reasons<&GuardMeasures::would_withhold>},
    {"belfry_refused_total", kCounter, "connections of which a use by others was refused in the kernel, each kind once; connects over the limit or against the rules", Refused},
    {"belfry_cuts_total", kCounter, "connections cut", OfGuards<&GuardMeasures::cut>},
    {"belfry_taints_total", kCounter, "taints told of connections", Taints<&GuardMeasures::taints>},
    {"belfry_tainted_connections", kGauge, "connections open now that bear the taint, their opener's image included", Taints<&GuardMeasures::tainted>},
    {"belfry_verdict_seconds", MetricType::Histogram, "from the plugin's question to the answer", Latencies},
    {"belfry_events_total", kCounter, "what the program in the kernel saw and did not lose, told (sent) or of no guard (ignored)", Events},
    {"belfry_lost_total", kCounter, "records it could not tell (ring_full), could not make (map_full), and runs the kernel left out (not_run)", Losses},
    {"belfry_program_refusals_total", kCounter, "how often the program in the kernel said no", OfPrograms<&ProgramCounters::refused>},
    {"belfry_undecoded_total", kCounter, "records of the kernel part that could not be read", Undecoded},
    {"belfry_gaps", kGauge, "intervals in which an event may have been lost; what they cover is withheld",
     [](const Measures& m, MetricFamily& into) { Add(into, {}, m.gaps); }},
    {"belfry_gap_seconds", kGauge, "length of all gaps", GapSeconds},
    {"belfry_processes", kGauge, "processes known",
     [](const Measures& m, MetricFamily& into) { Add(into, {}, m.processes); }},
};

}  // namespace

std::string MetricsText(const Measures& measures) {
  std::vector<MetricFamily> families;
  for (const Metric& metric : kMetrics) {
    MetricFamily& family = families.emplace_back();
    family.name = metric.name;
    family.help = metric.help;
    family.type = metric.type;
    metric.fill(measures, family);
  }
  return prometheus::TextSerializer().Serialize(families);
}

std::vector<MetricName> MetricNames() {
  std::vector<MetricName> names;
  for (const Metric& metric : kMetrics) names.push_back({metric.name, metric.help});
  return names;
}

}  // namespace belfry::effect
