// Where scenes are played: the real belfryd with its guards in deny, and one demo agent for each guard.
// Everything started here ends with the object, in the order agents, daemon, folder. Not thread-safe.
#ifndef BELFRY_DEMO_STAGE_H_
#define BELFRY_DEMO_STAGE_H_

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "demo/child.h"
#include "demo/chronicle.h"
#include "demo/daemon_run.h"
#include "demo/player.h"
#include "demo/props.h"
#include "demo/spire_node.h"
#include "demo/wire.h"

namespace belfry::demo {

// A guarded Workload API: its process and what it has told so far.
class Agent {
 public:
  Agent(Child child, kit::OwnedFd control) : child_(std::move(child)), control_(std::move(control)) {}
  ~Agent();  // ends it as spire-agent ends: the plugin is told first

  // Returns once it listens. NotFound and the like come from its plugin.
  absl::Status WaitUntilReady();
  absl::Status Tell(const std::string& verb);  // hold, let-go, settle
  absl::Status WaitFor(const std::string& event, pid_t pid);          // about this process
  absl::Status WaitForMany(const std::string& event, size_t count);   // about anyone
  std::vector<Json> TakeEvents() { return std::exchange(events_, {}); }
  pid_t pid() const { return child_.pid(); }
  void Kill() { child_.Kill(); }

 private:
  absl::StatusOr<Json> Next();
  absl::Status WaitUntil(const std::function<bool()>& seen);

  Child child_;
  kit::OwnedFd control_;
  std::vector<Json> events_;
};

struct StageOrder {
  Programs programs;
  bool with_belfry = true;  // false: agents attest by what /proc says, as SPIRE's built-in does; for comparison
  std::optional<SpirePrograms> spire;  // a real SPIRE instead of the demo's agents
  std::vector<Entry> more_entries;     // beside payments and billing
};

class Stage {
 public:
  static absl::StatusOr<std::unique_ptr<Stage>> Set(const StageOrder& order);
  ~Stage();

  const Props& props() const { return *props_; }
  std::string backend() const { return daemon_ ? daemon_->backend() : "none"; }
  bool with_belfry() const { return order_.with_belfry; }
  // Others cannot use a guarded stream, nor receive it: the backend has hooks that say no.
  bool refuses_use() const { return backend() == "bpf_lsm" || backend() == "fmod_ret"; }
  const std::vector<Entry>& entries() const { return entries_; }
  bool on_spire() const { return order_.spire.has_value(); }
  std::string payments() const { return props_->program("payments"); }
  std::string billing() const { return props_->program("billing"); }
  std::string intruder() const { return props_->program("intruder"); }

  std::string SocketOf(const std::string& guard) const { return props_->At(guard + ".sock"); }
  // The demo's own agents only: a real SPIRE's tells nothing.
  Agent& agent(const std::string& guard) { return *agents_.at(guard); }
  absl::Status StartAgent(const std::string& guard);

  // `words` is the program and its arguments; it runs as the workload's user and has said its first word.
  Player Enter(Trouble& trouble, const std::vector<std::string>& words,
               const std::vector<std::string>& environment = {}, pid_t number = 0);
  // What the daemon did by itself; null without Belfry.
  Chronicle* chronicle() { return daemon_ ? &daemon_->chronicle() : nullptr; }
  // What stock SPIRE would say of this number now, for who never got to ask.
  Json StockSays(pid_t pid) const;
  // The exit code of a program run as the workload's user.
  int Try(const std::vector<std::string>& words);

 private:
  explicit Stage(const StageOrder& order) : order_(order) {}
  absl::Status StartDaemon();
  absl::Status StartSpire();
  absl::Status WaitForEntries();
  absl::Status WaitForChronicle();
  std::string LogTail() const;

  const StageOrder order_;
  std::unique_ptr<Props> props_;
  kit::OwnedFd log_;
  std::vector<Entry> entries_;
  std::unique_ptr<DaemonRun> daemon_;
  std::unique_ptr<SpireNode> spire_;
  std::map<std::string, std::unique_ptr<Agent>> agents_;
};

}  // namespace belfry::demo

#endif  // BELFRY_DEMO_STAGE_H_
