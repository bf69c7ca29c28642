// Cuts a connection at the server's end: takes a copy of that descriptor, makes sure of it, shuts it down, lets go.
//
// The work is done by a process of its own that holds CAP_SYS_PTRACE and nothing else, forked before any thread exists.
// It believes nothing: the descriptor is cut only if its socket's inode is the one that the kernel's iterator named.
// Not thread-safe: owned by the loop thread. The process ends with the Cutter.
#ifndef BELFRY_EFFECT_CUTTER_H_
#define BELFRY_EFFECT_CUTTER_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "kit/owned_fd.h"

namespace belfry::effect {

// The server's end of a connection, as iter/task_file showed it.
struct ServerEnd {
  uint32_t tgid = 0;  // who holds it
  int32_t fd = -1;
  uint64_t sock_inode = 0;
};

// The seam: tests count, the daemon cuts.
class Cutter {
 public:
  virtual ~Cutter() = default;
  // `done` comes later through Ready, exactly once; NotFound: no such socket there any more.
  virtual void Cut(const ServerEnd& end, std::function<void(absl::Status)> done) = 0;
  virtual int Fd() const = 0;  // readable when there are answers
  virtual void Ready() = 0;    // reads the answers
};

// Must be called while the process has one thread.
absl::StatusOr<std::unique_ptr<Cutter>> StartCutter();

}  // namespace belfry::effect

#endif  // BELFRY_EFFECT_CUTTER_H_
