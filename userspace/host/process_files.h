// What /proc says about one process, read through one descriptor of its directory: if the process ends, every later
// read fails (NotFound), and nothing is ever read of another process that got the same number.
//
// Every read is bounded. Reads of exe can block for ever on a filesystem in userspace (FUSE): call them on Workers.
// Not thread-safe; move it between threads. Times are boot-time clock ticks, as /proc has them.
#ifndef BELFRY_HOST_PROCESS_FILES_H_
#define BELFRY_HOST_PROCESS_FILES_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "kit/owned_fd.h"

namespace belfry::host {

// "/proc", or the value of $HOST_PROC if that is set and not empty (as SPIRE's unix attestor has it).
std::string ProcRoot();

struct ProcessStatus {
  char state = 0;  // 'R', 'S', 'Z', ...
  int64_t tgid = 0;
  int64_t parent = 0;
  int64_t tracer = 0;                        // 0: none
  uint32_t uid = 0;                          // effective, in the reader's user namespace
  uint32_t gid = 0;                          // effective
  std::vector<uint32_t> supplementary_gids;  // in the file's order
  std::vector<int64_t> pids;                 // NSpid: outermost first; empty on kernels without it
};

// InvalidArgument if a line that must be there is not, or is not what proc(5) says.
absl::StatusOr<ProcessStatus> ParseProcessStatus(std::string_view text);

// Field 22 of /proc/PID/stat. The command name before it may hold any byte, parentheses and newlines included.
absl::StatusOr<uint64_t> ParseStartTicks(std::string_view stat);

class ProcessFiles {
 public:
  // NotFound if there is no such process; pid <= 0 is NotFound too.
  static absl::StatusOr<ProcessFiles> Open(int64_t pid, const std::string& proc_root = ProcRoot());

  // The executable for its name (O_PATH: no permission on the file is needed, nothing of it is read).
  absl::StatusOr<kit::OwnedFd> OpenExePath() const;
  // The executable for its content.
  absl::StatusOr<kit::OwnedFd> OpenExe() const;
  // The same through any thread that still has it: a process whose main thread has ended shows no exe of its own.
  absl::StatusOr<kit::OwnedFd> OpenExeOfAnyThread(bool for_content) const;
  // Its memory, to be written to at addresses of its own (proc_pid_mem(5)).
  absl::StatusOr<kit::OwnedFd> OpenMemory() const;
  absl::StatusOr<ProcessStatus> Status() const;
  absl::StatusOr<uint64_t> StartTicks() const;
  // The arguments as the process shows them now: its own word, for people only. At most `limit` bytes are kept.
  absl::StatusOr<std::vector<std::string>> CommandLine(size_t limit = 4096) const;

  int64_t pid() const { return pid_; }

 private:
  ProcessFiles(int64_t pid, kit::OwnedFd directory) : pid_(pid), directory_(std::move(directory)) {}
  absl::StatusOr<kit::OwnedFd> OpenAt(const char* name, int flags) const;

  int64_t pid_;
  kit::OwnedFd directory_;
};

// The path of the executable of a process now, without opening it: nothing of the file's own filesystem is asked, so this
// never blocks. Says nothing of which process answered: compare its pin before and after.
absl::StatusOr<std::string> ExecutableNow(int64_t pid, const std::string& proc_root = ProcRoot());

// The network namespace of a process now, by its inode number. As with ExecutableNow, compare the pin before and after.
absl::StatusOr<uint32_t> NetworkNamespaceNow(int64_t pid, const std::string& proc_root = ProcRoot());
absl::StatusOr<uint32_t> OwnNetworkNamespace();

// The path of an open file as seen from our root; " (deleted)" sticks to it as the kernel puts it there.
absl::StatusOr<std::string> PathOf(int fd);

}  // namespace belfry::host

#endif  // BELFRY_HOST_PROCESS_FILES_H_
