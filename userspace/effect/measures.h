// What metrics tell, as plain numbers: copied from the engine's state when somebody asks, and then nobody's.
//
// Nothing here is a path, a command or a user: names are those of guards, which the configuration bounds, of programs,
// taints and modes, which tables of ours bound. Values. Times: ns.
#ifndef BELFRY_EFFECT_MEASURES_H_
#define BELFRY_EFFECT_MEASURES_H_

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "belfry/wire.h"
#include "effect/latency.h"
#include "kernel/kernel.h"

namespace belfry::effect {

using ByTaint = std::array<uint64_t, BELFRY_TAINT_COUNT>;
using ByUse = std::array<uint64_t, BELFRY_USE_MAX>;
using ByReason = std::map<std::string, uint64_t>;

struct GuardMeasures {
  std::string name;
  std::string mode;
  bool served = false;                  // by a process that its listener rule fits
  bool impostor = false;                // and by one that it does not
  uint64_t opened = 0, open = 0;        // connections: ever seen, and now
  uint64_t sound = 0, withheld = 0, unavailable = 0, cut = 0;
  ByReason withheld_for, would_withhold;
  ByTaint taints{};                     // told
  ByTaint tainted{};                    // connections that are open now
  ByUse refused{};
};

struct Measures {
  std::string version, backend;
  uint32_t blind_to = 0;                                // bits of enum belfry_taint
  bool disarmed = false;
  std::vector<GuardMeasures> guards;
  std::vector<kernel::ProgramCounters> programs;
  std::vector<std::pair<std::string, bool>> canaries;   // capability, seen working
  uint64_t malformed = 0, unknown = 0;                  // records of the kernel part that could not be read
  uint64_t gaps = 0, gap_ns = 0;
  uint64_t processes = 0;
  Latency verdicts;
};

}  // namespace belfry::effect

#endif  // BELFRY_EFFECT_MEASURES_H_
