// Violations in belfryd's own log, for whoever reads only that: each at once, and what is the same again (guard, what
// happened, program, user, place, reasons) counted and told once a minute. One line each, escaped. Loop thread only.
#ifndef BELFRY_ENGINE_ALARMS_H_
#define BELFRY_ENGINE_ALARMS_H_

#include "effect/entry.h"
#include "kit/folding.h"
#include "kit/log.h"

namespace belfry::engine {

class Alarms {
 public:
  explicit Alarms(const kit::Log& log) : log_(log) {}

  // False of what follows from a violation that was told (a cut), and of what says so itself (listeners.h).
  static bool Concerns(const effect::Entry& entry);
  void Tell(const effect::Entry& entry, kit::Folding::Clock::time_point now);
  void Look(kit::Folding::Clock::time_point now);  // every few seconds

 private:
  const kit::Log& log_;
  kit::Folding folding_;
};

}  // namespace belfry::engine

#endif  // BELFRY_ENGINE_ALARMS_H_
