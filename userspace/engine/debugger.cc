#include "engine/debugger.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

#include "host/process_files.h"
#include "kit/error.h"
#include "kit/owned_fd.h"

namespace belfry::engine {
namespace {

constexpr char kTampering[] = "tampering with the canary's child";

// What is written to: at the same address in a fork.
int target = 0;

// Ended and reaped at the end of the scope. A traced child stops at its end until it is let go or killed.
class Child {
 public:
  explicit Child(void (*play)()) : pid_(_Fork()) {  // no handlers of other threads
    if (pid_ != 0) return;
    play();
    _exit(0);
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child() {
    if (pid_ <= 0) return;
    kill(pid_, SIGKILL);
    Await();
  }
  void Await() {
    while (pid_ > 0 && waitpid(pid_, nullptr, __WALL) < 0 && errno == EINTR) continue;
    pid_ = 0;
  }
  pid_t pid() const { return pid_; }

 private:
  pid_t pid_;
};

absl::Status WriteInto(pid_t pid) {
  int value = 1;
  const iovec from{.iov_base = &value, .iov_len = sizeof value}, to{.iov_base = &target, .iov_len = sizeof target};
  if (process_vm_writev(pid, &from, 1, &to, 1, 0) != sizeof value) return kit::ErrnoError(kTampering);
  const auto files = host::ProcessFiles::Open(pid);
  if (!files.ok()) return files.status();
  const auto memory = files->OpenMemory();
  if (!memory.ok()) return memory.status();
  if (pwrite(memory->get(), &value, sizeof value, reinterpret_cast<off_t>(&target)) != sizeof value)
    return kit::ErrnoError(kTampering);
  return absl::OkStatus();
}

}  // namespace

absl::Status TryTampering() {
  const Child victim([] { pause(); });
  if (victim.pid() < 0 || ptrace(PTRACE_SEIZE, victim.pid(), 0, 0) != 0) return kit::ErrnoError(kTampering);
  if (absl::Status s = WriteInto(victim.pid()); !s.ok()) return s;
  Child willing([] { ptrace(PTRACE_TRACEME, 0, 0, 0); });
  if (willing.pid() < 0) return kit::ErrnoError(kTampering);
  willing.Await();
  return absl::OkStatus();
}

}  // namespace belfry::engine
