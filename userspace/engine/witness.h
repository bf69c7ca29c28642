// Who did it, for the lines that people read: what the kernel said of an exec, its parents, its user and its cgroup, and
// what that means for the guard so far.
//
// A process is named as of its exec (its pin's exec id), from the exec record first: one that is gone after a millisecond
// has its name. /proc is asked once for each image and name, and only believed if the process is still of that exec.
// For people, never for a verdict. Loop thread only; never blocks.
#ifndef BELFRY_ENGINE_WITNESS_H_
#define BELFRY_ENGINE_WITNESS_H_

#include <cstdint>
#include <memory>
#include <string>
#include <tuple>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "effect/entry.h"
#include "engine/guard.h"
#include "evidence/process_table.h"
#include "host/cgroups.h"
#include "host/user_names.h"
#include "kernel/kernel.h"

namespace belfry::engine {

class Witness {
 public:
  Witness(kernel::Kernel& kernel, Guards& guards, const evidence::ProcessTable& processes, host::UserNames& names)
      : kernel_(kernel), guards_(guards), processes_(processes), names_(names) {}

  // The opener as of its connect, and what is known against the connection so far.
  void Opener(const belfry_connection& connection, effect::Entry& entry);
  // That alone: who and where, nothing of what is known against it.
  void Name(const belfry_connection& connection, effect::Entry& entry);
  // Another process that something is said about, as it is now in the stream.
  void Process(const belfry_pin& pin, effect::Entry& entry);
  // What can be said of any line when it is written; keeps what is there.
  void Complete(effect::Entry& entry);
  // Refused, cut, withheld, or what deny would do so with. Of a line as it is, complete or not.
  bool IsViolation(const effect::Entry& entry);

 private:
  using Key = std::tuple<uint32_t, uint64_t, uint64_t>;  // of a pin: number, start, exec id
  struct Known {
    std::shared_ptr<const effect::Who> who;
    std::vector<Key> parents;  // that it was told with
  };

  const belfry_process* TellOpener(const belfry_connection& connection, effect::Entry& entry);
  std::shared_ptr<const effect::Who> WhoIs(const belfry_pin& pin, const belfry_process** record);
  effect::Program ProgramOf(const belfry_process& record, const std::string& script, const std::string* argv);
  std::string ExecutableOf(const belfry_process& record, const std::string* argv);
  bool StillRuns(const belfry_process& record);
  static Key KeyOf(const belfry_pin& pin) { return {pin.tgid, pin.start_ns, pin.exec_id}; }

  kernel::Kernel& kernel_;
  Guards& guards_;
  const evidence::ProcessTable& processes_;
  host::UserNames& names_;
  host::Cgroups cgroups_;
  absl::flat_hash_map<Key, Known> known_;
  absl::flat_hash_map<Key, effect::Program> programs_;
  absl::flat_hash_map<std::tuple<uint32_t, uint64_t, uint32_t, std::string>, std::string> paths_;  // by image and name
  belfry_process from_kernel_{};  // what `record` of WhoIs may point to
};

}  // namespace belfry::engine

#endif  // BELFRY_ENGINE_WITNESS_H_
