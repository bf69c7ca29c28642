// Violations that repeat themselves, for people: told at once the first time, then counted and told once a minute.
// Not thread-safe: the writer's thread, and whoever comes after it has ended.
#ifndef BELFRY_CLI_AUDIT_FOLDS_H_
#define BELFRY_CLI_AUDIT_FOLDS_H_

#include <string>

#include "effect/entry.h"
#include "kit/folding.h"

namespace belfry::cli {

class AuditFolds {
 public:
  using Clock = kit::Folding::Clock;

  // False: the same was told less than a minute ago; it is counted.
  bool Tells(const effect::Entry& entry, Clock::time_point now);
  // A line for each whose minute is over with something untold.
  std::string Due(Clock::time_point now);
  std::string Rest() { return Untold(Clock::now() + kit::Folding::kPeriod); }  // of all, at the end

 private:
  std::string Untold(Clock::time_point now);

  kit::Folding folding_;
  Clock::time_point look_at_;  // not at every line
};

}  // namespace belfry::cli

#endif  // BELFRY_CLI_AUDIT_FOLDS_H_
