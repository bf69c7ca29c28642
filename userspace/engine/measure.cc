#include "engine/measure.h"

#include <unordered_map>

#include "verdict/soundness.h"

namespace belfry::engine {
namespace {

effect::GuardMeasures MeasuresOf(const Guard& guard) {
  return {.name = guard.name(),
          .mode = verdict::ModeName(guard.mode),
          .served = !guard.listeners.empty(),
          .impostor = !guard.impostor.empty(),
          .sound = guard.tally.sound,
          .withheld = guard.tally.withheld,
          .unavailable = guard.tally.unavailable,
          .cut = guard.tally.cut,
          .withheld_for = guard.tally.withheld_for,
          .would_withhold = guard.tally.would_withhold,
          .taints = guard.tally.taints,
          .refused = guard.tally.refused};
}

uint32_t ImageTaints(const evidence::ProcessTable& processes, const belfry_pin& opener) {
  const evidence::KnownProcess* known = processes.Find(opener.tgid, opener.start_ns);
  return known != nullptr && known->record.pin.exec_id == opener.exec_id ? verdict::ImageTaints(known->record.image_flags) : 0;
}

}  // namespace

effect::Measures MeasuresOf(Engine& engine) {
  engine.bench().drain();
  effect::Measures measures{.version = engine.parts().version,
                            .backend = engine.kernel().BackendName(),
                            .blind_to = engine.kernel().BlindTo(),
                            .disarmed = engine.modes().disarmed().has_value(),
                            .programs = engine.kernel().Counters(),
                            .malformed = engine.seen().decoder.counts().malformed,
                            .unknown = engine.seen().decoder.counts().unknown,
                            .gaps = engine.gaps().All().size(),
                            .processes = engine.seen().processes.live(),
                            .verdicts = engine.bench().latency};
  std::unordered_map<uint32_t, size_t> places;  // guard number -> its index
  for (const Guard& guard : engine.guards().all()) {
    places.emplace(guard.number, measures.guards.size());
    measures.guards.push_back(MeasuresOf(guard));
    measures.guards.back().opened = engine.seen().connections.Opened(guard.number) + guard.tally.to_port;
  }
  engine.seen().connections.EachLive([&](const evidence::SeenConnection& connection) {
    const auto place = places.find(connection.record.guard);
    if (place == places.end()) return;
    effect::GuardMeasures& guard = measures.guards[place->second];
    ++guard.open;
    const uint32_t taints = connection.record.taints | ImageTaints(engine.seen().processes, connection.record.opener);
    for (size_t taint = 0; taint < guard.tainted.size(); ++taint) guard.tainted[taint] += (taints >> taint) & 1;
  });
  for (const CanaryResult& result : engine.canary().last()) measures.canaries.emplace_back(result.capability, result.ok);
  for (const evidence::Gap& gap : engine.gaps().All()) measures.gap_ns += gap.to_ns - gap.from_ns;
  return measures;
}

}  // namespace belfry::engine
