// What the stream may have lost, found in the kernel's own state: connections that ended, connections whose opener has
// exec'd or exited, connections that no rule was asked about, connections that were open before Belfry watched, intervals
// in which a program did not run.
//
// Synchronous, loop thread only. Cost: one look at every record, one at each opener in a guard that denies.
#ifndef BELFRY_ENGINE_SWEEP_H_
#define BELFRY_ENGINE_SWEEP_H_

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "engine/cuts.h"
#include "engine/guard.h"
#include "engine/pipeline.h"
#include "evidence/gaps.h"
#include "kernel/kernel.h"

namespace belfry::engine {

class Sweep {
 public:
  // `drain`: the pipeline's turn.
  Sweep(kernel::Kernel& kernel, Guards& guards, Seen& seen, Cuts& cuts, Gate& gate, evidence::Gaps& gaps,
        std::function<void()> drain)
      : kernel_(kernel), guards_(guards), seen_(seen), cuts_(cuts), gate_(gate), gaps_(gaps), drain_(std::move(drain)) {}

  // Forgets what is gone, corrects what is known, cuts what must end. `now_ns`: boot time.
  absl::Status Connections(uint64_t now_ns);

  // Served connections without a record get one with `taint` (PREEXISTING: from before Belfry watched; UNRECORDED: from
  // while it did), and in guards that reset are cut, spread out. Returns how many there were.
  absl::StatusOr<int> MarkUnrecorded(belfry_taint taint, uint64_t now_ns);

  // A rise of a program's missed runs since the last call is a gap up to now.
  void LookForGaps(uint64_t now_ns);

 private:
  void CloseTheRest(const std::vector<uint64_t>& before, const std::vector<kernel::ConnectionEntry>& entries,
                    uint64_t now_ns);
  bool MustEnd(const Guard& guard, const belfry_connection& record, std::string& why);

  kernel::Kernel& kernel_;
  Guards& guards_;
  Seen& seen_;
  Cuts& cuts_;
  Gate& gate_;
  evidence::Gaps& gaps_;
  const std::function<void()> drain_;
  std::map<std::string, uint64_t> missed_;  // by program, at the last look
  uint64_t looked_ns_ = 0;
};

}  // namespace belfry::engine

#endif  // BELFRY_ENGINE_SWEEP_H_
