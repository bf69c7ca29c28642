// One accepted caller as SPIRE's agent watches it: by number and start time, read from /proc after the accept.
// This is deliberately as weak as pkg/common/peertracker: the demo shows what that sees beside what Belfry sees.
// Thread-safe.
#ifndef BELFRY_DEMO_PEER_WATCH_H_
#define BELFRY_DEMO_PEER_WATCH_H_

#include <sys/types.h>

#include <memory>

#include "absl/status/statusor.h"
#include "host/process_files.h"

namespace belfry::demo {

class PeerWatch {
 public:
  // Asks SO_PEERCRED of the accepted socket. An error means that the agent closes the connection.
  static absl::StatusOr<std::shared_ptr<PeerWatch>> Of(int accepted);

  // spire-facts 1.2: the directory still answers, the start time is the same, uid and gid are those of the connect.
  bool IsAlive() const;
  pid_t pid() const { return pid_; }

 private:
  PeerWatch(pid_t pid, uid_t uid, gid_t gid, uint64_t start, host::ProcessFiles files)
      : pid_(pid), uid_(uid), gid_(gid), start_(start), files_(std::move(files)) {}

  pid_t pid_;
  uid_t uid_;
  gid_t gid_;
  uint64_t start_;
  host::ProcessFiles files_;
};

}  // namespace belfry::demo

#endif  // BELFRY_DEMO_PEER_WATCH_H_
