// What is judged: plain facts, gathered by engine/, understood by verdict/ without asking anyone.
#ifndef BELFRY_VERDICT_FACTS_H_
#define BELFRY_VERDICT_FACTS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "belfry/wire.h"

namespace belfry::verdict {

enum class Mode { kObserve, kWarn, kDeny };
const char* ModeName(Mode mode);  // "observe", "warn", "deny"
std::optional<Mode> ParseMode(const std::string& name);

// What the configuration of one guard says about judging.
struct GuardPolicy {
  std::string name;
  Mode mode = Mode::kObserve;
  bool trust_backfill = false;
  bool container_paths = false;
  bool rootless = false;
  uint32_t withhold_on = 0;  // class B taints (bits of enum belfry_taint) that withhold here
  // Paths or sha256 of preloads that do not count. No record says yet which preload was seen, so nothing is excepted.
  std::vector<std::string> preload_excepted;
};

struct ConnectionFacts {
  uint64_t cookie = 0;
  belfry_connection record{};
  bool alive = true;
  bool holders_searched = false;  // false: not looked for yet; what would be sound otherwise is unavailable
  std::vector<belfry_socket>
      foreign_holders;  // slots of the client's end outside the opener, still there at the deadline
};

// Everything known about one process number at one instant, read in this order: live, process, connections, live_after.
struct Facts {
  int64_t asked_pid = 0;  // as the asker named it
  uint32_t tgid = 0;      // in the initial namespace; 0: the asker's number means nobody
  std::optional<belfry_live> live;
  std::optional<belfry_live> live_after;     // read again last: an exec in between shows
  std::optional<belfry_process> process;     // the exec record
  std::vector<ConnectionFacts> connections;  // live ones to the asked guard
  bool gap = false;                          // an interval with possible losses covers a connection or the exec
};

}  // namespace belfry::verdict

#endif  // BELFRY_VERDICT_FACTS_H_
