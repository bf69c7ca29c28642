// Proves what is live: LSM programs can load, attach and never fire, so nothing is believed that was not just seen.
//
// Connects to a guarded socket of its own, and runs a child; every program must have counted, and the record of the
// connection must be right. Begin, then Poll until it is done (a child has to exec and exit). Loop thread only.
#ifndef BELFRY_ENGINE_CANARY_H_
#define BELFRY_ENGINE_CANARY_H_

#include <sys/types.h>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "engine/loop.h"
#include "kernel/kernel.h"
#include "kit/owned_fd.h"

namespace belfry::engine {

struct CanaryResult {
  std::string capability;  // "connect recorded", "exec seen", ...
  bool ok = false;
  std::string detail;
};

class Canary {
 public:
  struct Means {
    std::function<absl::Status(uint16_t)> guard_port;  // one TCP port beside the others, as kCanaryGuard, or with 0 none
    std::function<absl::Status()> give_orders;         // orders() beside those of the guards
  };
  Canary(Loop& loop, kernel::Kernel& kernel, const std::string& run_dir, Means means);
  ~Canary();

  // Binds the socket; its path has to be guarded (as guard kCanaryGuard) before Run.
  absl::Status Bind();
  // What the kernel part does with the canary's own stream: it denies. For a moment of each run there is a limit too, for
  // another there are rules.
  kernel::GuardOrders orders() const;
  const std::string& path() const { return path_; }

  // One at a time: another call while one runs is answered with that one's results.
  void Run(std::function<void(const std::vector<CanaryResult>&)> done);
  const std::vector<CanaryResult>& last() const { return results_; }
  // References that the iterator itself holds on a file that it shows; 0 until a run has measured it.
  uint32_t iterator_references() const { return iterator_references_; }

 private:
  using Counts = std::map<std::string, kernel::ProgramCounters>;
  Counts Count();
  uint64_t Measure(int client);
  void Connect();
  void ConnectToPort();
  void LetStrangersTry(int client);
  void GoOverTheLimit();
  absl::Status Forbid(bool nobody);  // whoever it is may not connect; false: whoever it is may
  void ConnectAgainstTheRules();
  void Tamper();
  void Spawn();
  void ChildEnded();
  void Finish();
  void Expect(const std::string& capability, bool ok, const std::string& detail);

  Loop& loop_;
  kernel::Kernel& kernel_;
  const std::string path_;
  const Means means_;
  belfry_limit limit_{};
  std::shared_ptr<const kernel::PolicyRules> rules_;
  kit::OwnedFd listener_;
  uint32_t iterator_references_ = 0;
  pid_t child_ = 0;
  kit::OwnedFd child_fd_;
  Loop::TimerId deadline_ = 0;
  Counts before_;
  bool tampered_ = false;  // tried in this run
  std::vector<CanaryResult> running_, results_;
  std::vector<std::function<void(const std::vector<CanaryResult>&)>> waiting_;
};

}  // namespace belfry::engine

#endif  // BELFRY_ENGINE_CANARY_H_
