// The process that the host exec'd: it owns the listening socket and the handshake, and keeps one worker alive.
//
// A go-plugin host never restarts a plugin, and repeats neither Init nor Configure: so this process must not crash.
// It is single-threaded, speaks no gRPC, parses nothing, and forks a new worker when one dies; clients wait in the
// listening socket's backlog meanwhile. It ends, with its worker and its socket, when the worker ended in order
// (GRPCController.Shutdown), when the host is gone (its pidfd, or nobody reads stdout), and kGrace after SIGTERM or
// SIGHUP: systemd sends those to agent and plugin at once, and the agent still wants answers. SIGINT is ignored, as
// go-plugin's own plugins do. Nothing is written to stdout after the handshake: the worker's stdout and stderr are a
// pipe whose lines the supervisor logs.
#ifndef BELFRY_PLUGIN_SUPERVISOR_H_
#define BELFRY_PLUGIN_SUPERVISOR_H_

#include <sys/types.h>

#include <chrono>
#include <functional>

#include "absl/status/status.h"
#include "kit/owned_fd.h"
#include "plugin/handshake.h"
#include "plugin/hclog.h"
#include "plugin/keepsake.h"

namespace belfry::plugin {

class Supervisor {
 public:
  static constexpr auto kGrace = std::chrono::seconds(30);

  // Runs in the forked worker; its result is the worker's exit code, 0 meaning: the host said goodbye.
  using Worker = std::function<int()>;

  // All must outlive it. `host_pid`: who started us; stdout is descriptor 1.
  Supervisor(const Door& door, Hclog& log, pid_t host_pid, Worker worker);

  // Returns when the plugin is over: the exit code of the process.
  int Run();

 private:
  struct Child {
    pid_t pid = -1;
    kit::OwnedFd exited;  // pidfd
    kit::OwnedFd output;  // what it printed
    std::chrono::steady_clock::time_point since;
  };

  absl::Status Fork();
  [[noreturn]] void BecomeWorker(pid_t supervisor, kit::OwnedFd output);
  void Wait();
  void ReadSignals();
  void DrainOutput();
  void Reap();
  void EndWorker();
  int NextTimeout() const;  // milliseconds for poll(2), -1: none

  const Door& door_;
  Hclog& log_;
  const pid_t host_pid_;
  const Worker worker_;
  kit::OwnedFd host_;     // pidfd; empty where it cannot be had
  kit::OwnedFd signals_;  // signalfd
  Child child_;
  std::chrono::steady_clock::time_point fork_at_;  // when no child lives
  std::chrono::milliseconds pause_{0};             // before the next fork; grows with crashes in a row
  std::chrono::steady_clock::time_point end_at_ = std::chrono::steady_clock::time_point::max();
  bool over_ = false;
};

}  // namespace belfry::plugin

#endif  // BELFRY_PLUGIN_SUPERVISOR_H_
