// What the kernel part could not tell, written down for followers as it is counted: every program's lost records and
// missed runs since the last look. Loop thread only.
#ifndef BELFRY_ENGINE_LOSSES_H_
#define BELFRY_ENGINE_LOSSES_H_

#include <map>
#include <string>

#include "effect/journal.h"
#include "kernel/kernel.h"

namespace belfry::engine {

class Losses {
 public:
  Losses(kernel::Kernel& kernel, effect::Journal& journal) : kernel_(kernel), journal_(journal) {}

  // From here on: what was lost before concerns nobody who begins to follow now.
  void Begin() { counted_ = Count(); }
  // Writes one line for each program and reason with more than at the last look.
  void Look();

 private:
  struct Lost {
    uint64_t ring = 0, map = 0, missed = 0;
  };
  std::map<std::string, Lost> Count();
  void Tell(const std::string& program, uint64_t count, const char* why);

  kernel::Kernel& kernel_;
  effect::Journal& journal_;
  std::map<std::string, Lost> counted_;
};

}  // namespace belfry::engine

#endif  // BELFRY_ENGINE_LOSSES_H_
