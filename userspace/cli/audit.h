// belfry audit: what it was asked for, and what both of its ways (an engine of its own, a running belfryd) share.
#ifndef BELFRY_CLI_AUDIT_H_
#define BELFRY_CLI_AUDIT_H_

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "cli/audit_filter.h"
#include "cli/audit_folds.h"
#include "cli/audit_sink.h"
#include "cli/audit_summary.h"
#include "cli/outlet.h"
#include "cli/render_audit.h"
#include "cli/surroundings.h"
#include "kit/owned_fd.h"

namespace belfry::cli {

struct AuditOptions {
  std::vector<std::string> sockets;  // paths to watch with an engine of our own
  std::vector<std::string> ports;    // TCP ports, likewise
  std::string policy;                // guards from this file, likewise
  bool json = false;
  std::shared_ptr<const AuditSink> sink;  // null: standard output
  bool tree = false;
  bool closings = false;
  bool fail = false;                   // exit 1 if a violation was seen
  std::chrono::milliseconds time{0};   // 0: until told to stop
  AuditFilter filter;
  std::function<void(const effect::Entry&)> instead;  // takes every line that is wanted; nothing is written then

  bool embedded() const { return !sockets.empty() || !ports.empty() || !policy.empty(); }
};

// Where the lines of an audit go. Take and StopWaiting are thread-safe; the rest belongs to the thread that made it.
class AuditOutput {
 public:
  // `closed` may be called from another thread: nobody reads any more.
  AuditOutput(const AuditOptions& options, Surroundings& surroundings, std::function<void()> closed);

  // False: no room. What is not wanted is taken.
  bool Take(const OutletLine& line, kit::Urgency urgency);
  void AwaitRoom() { outlet_.AwaitRoom(); }
  void StopWaiting() { outlet_.StopWaiting(); }
  bool closed() const { return outlet_.closed(); }
  void Ready(const std::string& watching);

  void Drain();  // gives a slow reader a moment
  // Writes what waits, says what could not be written and what was seen. `missed`: lines that Take had no room for and
  // that were not told. The exit code.
  int End(uint64_t missed);

 private:
  std::string Render(const OutletLine& line);

  const AuditOptions& options_;
  Surroundings& surroundings_;
  const AuditLines lines_;
  // Of what was written: the writer's thread, until it has ended.
  AuditFolds folds_;
  AuditSummary summary_;
  std::atomic<bool> violation_ = false;
  Outlet outlet_;
};

// SIGINT and SIGTERM as a descriptor, blocked in this thread and those it starts; SIGPIPE is ignored.
kit::OwnedFd StopSignals();

// Each returns the exit code.
int AuditEmbedded(const AuditOptions& options, Surroundings& surroundings);
int AuditAttached(const AuditOptions& options, Surroundings& surroundings);

}  // namespace belfry::cli

#endif  // BELFRY_CLI_AUDIT_H_
