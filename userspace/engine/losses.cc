#include "engine/losses.h"

#include <utility>

namespace belfry::engine {

std::map<std::string, Losses::Lost> Losses::Count() {
  std::map<std::string, Lost> counts;
  for (const kernel::ProgramCounters& program : kernel_.Counters())
    counts[program.name] = {program.lost_ring, program.lost_map, program.missed};
  return counts;
}

void Losses::Tell(const std::string& program, uint64_t count, const char* why) {
  if (count == 0) return;
  journal_.Write({.action = "lost", .outcome = "failure", .message = why, .kernel_program = program, .count = count});
}

void Losses::Look() {
  auto now = Count();
  for (const auto& [program, lost] : now) {
    const Lost& before = counted_[program];
    Tell(program, lost.ring - before.ring, "the ring was full: the record exists, the line does not");
    Tell(program, lost.map - before.map, "a map was full: nothing was recorded");
    Tell(program, lost.missed - before.missed, "the kernel did not run the program");
  }
  counted_ = std::move(now);
}

}  // namespace belfry::engine
