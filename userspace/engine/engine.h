// Everything between the kernel part and the doors: built by hand from its parts, run by one thread.
//
//   Make → Start → Run ... Stop. Start returns at once; `ready` comes when every guard's listener has been looked for,
//   what was open before has been marked, and the canary has reported.
// Loop thread only, except Stop, Measure and the methods of questions().
#ifndef BELFRY_ENGINE_ENGINE_H_
#define BELFRY_ENGINE_ENGINE_H_

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "effect/cutter.h"
#include "effect/journal.h"
#include "engine/alarms.h"
#include "engine/canary.h"
#include "engine/config.h"
#include "engine/cuts.h"
#include "engine/digests.h"
#include "engine/evidence_reader.h"
#include "engine/gate.h"
#include "engine/guard.h"
#include "engine/guard_numbers.h"
#include "engine/judgement.h"
#include "engine/listeners.h"
#include "engine/loop.h"
#include "engine/losses.h"
#include "engine/modes.h"
#include "engine/pipeline.h"
#include "engine/ports.h"
#include "engine/sweep.h"
#include "engine/witness.h"
#include "host/machine.h"
#include "host/mounts.h"
#include "host/user_names.h"
#include "host/workers.h"
#include "kernel/kernel.h"
#include "kit/log.h"
#include "service/questions.h"

namespace belfry::engine {

struct EngineParts {
  Config config;
  std::function<host::Accounts()> accounts = [] { return host::Accounts(); };  // for reloads
  std::unique_ptr<kernel::Kernel> kernel;
  bool adopted = false;  // the kernel part was watching before we came
  std::unique_ptr<effect::Cutter> cutter;
  std::string version;
  std::string disarm_file = host::kDisarmFile;
  Deadlines deadlines;
  bool alarms = false;  // violations go to the log
  bool canary = true;  // false: nothing is proven (tests against a kernel that does not run)
  int private_run_dir = -1;  // run_dir is this descriptor, a folder without a name (host/private_folder.h)
};

class Engine {
 public:
  // Makes run_dir. `log` outlives the engine. FailedPrecondition: a guard requires what this kernel cannot see.
  static absl::StatusOr<std::unique_ptr<Engine>> Make(EngineParts parts, const kit::Log& log);
  ~Engine();

  absl::Status Start(std::function<void()> ready);
  void Run() { loop_->Run(); }
  // After Run: what has happened until now reaches the followers, losses too.
  void CatchUp();
  void Stop() { loop_->Stop(); }

  // Reads the configuration's file again. An error changes nothing.
  absl::StatusOr<std::string> Reload();

  // Whoever follows is told of everything from now on, losses too.
  void Follow(effect::Follower follower);

  // Any thread; `done` comes in the loop's with what makes the metrics' text, in any thread, of the numbers of now. Empty,
  // and in the caller's thread: the loop has stopped.
  void Measure(std::function<void(std::function<std::string()>)> done);

  service::Questions& questions() { return *questions_; }
  Loop& loop() { return *loop_; }

  // ---- for the answers (answers.h, status.h): the world as it is now ----
  Bench& bench() { return *bench_; }
  kernel::Kernel& kernel() { return *parts_.kernel; }
  Guards& guards() { return guards_; }
  Seen& seen() { return seen_; }
  const evidence::Gaps& gaps() const { return gaps_; }
  Modes& modes() { return *modes_; }
  Canary& canary() { return *canary_; }
  Listeners& listeners() { return *listeners_; }
  Gate& gate() { return *gate_; }
  effect::Journal& journal() { return journal_; }
  host::UserNames& names() { return names_; }
  const EngineParts& parts() const { return parts_; }
  const kit::Log& log() const { return log_; }
  void ModesChanged();

 private:
  Engine(EngineParts parts, const kit::Log& log, std::unique_ptr<Loop> loop);
  absl::Status TakeGuards(const Config& config);
  absl::Status GuardNames();
  std::vector<kernel::GuardedName> CanaryNames();
  absl::Status GiveOrders();
  absl::Status SetRuleSettings();
  void TellFiles();
  absl::Status MarkWhatWasThere();
  void Prefetch(const Guard& guard, const belfry_pin& opener);
  void SayNotes();
  void FollowFiles(bool all_known);
  void Every(std::chrono::milliseconds period, std::function<void()> task);
  void Tick();
  void TellClosed(const evidence::SeenConnection& connection);
  void Watch();
  void SweepConnections(uint64_t now_ns);

  EngineParts parts_;
  const kit::Log& log_;
  std::unique_ptr<Loop> loop_;
  Guards guards_;
  Seen seen_;
  evidence::Gaps gaps_;
  effect::Journal journal_;
  host::UserNames names_;
  GuardNumbers numbers_;
  Witness witness_;
  Losses losses_;
  Alarms alarms_;
  const uint32_t host_netns_;  // inode number; 0: not known
  std::unique_ptr<host::Workers> readers_, hashers_;
  std::unique_ptr<Digests> digests_;
  std::unique_ptr<EvidenceReader> reader_;
  std::unique_ptr<Cuts> cuts_;
  std::unique_ptr<Gate> gate_;
  std::unique_ptr<Listeners> listeners_;
  std::unique_ptr<Pipeline> pipeline_;
  std::unique_ptr<Sweep> sweep_;
  std::unique_ptr<Modes> modes_;
  std::unique_ptr<Ports> ports_;
  std::unique_ptr<Canary> canary_;
  std::unique_ptr<Bench> bench_;
  std::unique_ptr<service::Questions> questions_;
  std::optional<host::MountWatch> mounts_;
  std::vector<std::string> said_;              // notes that were logged already
  std::vector<kernel::GuardedName> names_set_;
  size_t live_at_sweep_ = 0;  // connections
  uint64_t files_given_ = 0;  // changes of files that the kernel part was told of
};

}  // namespace belfry::engine

#endif  // BELFRY_ENGINE_ENGINE_H_
