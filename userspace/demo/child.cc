#include "demo/child.h"

#include <fcntl.h>
#include <linux/sched.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <initializer_list>

#include "kit/error.h"
#include "kit/owned_fd.h"

namespace belfry::demo {
namespace {

std::vector<char*> Pointers(const std::vector<std::string>& words) {
  std::vector<char*> pointers;
  for (const std::string& word : words) pointers.push_back(const_cast<char*>(word.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

// Between fork and exec: async-signal-safe calls only, the demo has threads.
[[noreturn]] void Become(const ChildOrder& order, pid_t parent, char** arguments, char** environment) {
  setpgid(0, 0);  // a terminal's Ctrl-C is for the demo: it ends the others in order
  for (int one : {SIGINT, SIGTERM, SIGHUP, SIGPIPE, SIGCHLD}) signal(one, SIG_DFL);
  const int null = open("/dev/null", O_RDWR | O_CLOEXEC);
  dup2(null, STDIN_FILENO);
  dup2(order.log >= 0 ? order.log : null, STDOUT_FILENO);
  dup2(order.log >= 0 ? order.log : null, STDERR_FILENO);
  if (order.control == kControl) fcntl(kControl, F_SETFD, 0);
  if (order.control >= 0) dup2(order.control, kControl);
  if (order.uid != 0) {
    if (syscall(SYS_setgroups, 0, nullptr) != 0 || syscall(SYS_setresgid, order.uid, order.uid, order.uid) != 0 ||
        syscall(SYS_setresuid, order.uid, order.uid, order.uid) != 0) {
      _exit(126);
    }
  }
  // After the change of uid: that clears it.
  if (!order.outlives && prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && getppid() != parent) _exit(126);
  execve(arguments[0], arguments, environment);
  _exit(127);
}

// A plain fork, or one that asks for a number that is free (CAP_CHECKPOINT_RESTORE).
pid_t Fork(pid_t number) {
  if (number == 0) return fork();
  clone_args arguments{};
  arguments.exit_signal = SIGCHLD;
  arguments.set_tid = reinterpret_cast<uintptr_t>(&number);
  arguments.set_tid_size = 1;
  return syscall(SYS_clone3, &arguments, sizeof arguments);
}

bool WaitFor(pid_t pid, int timeout_ms) {
  kit::OwnedFd process(syscall(SYS_pidfd_open, pid, 0));
  pollfd ended{process.get(), POLLIN, 0};
  int ready = poll(&ended, 1, timeout_ms);
  while (ready < 0 && errno == EINTR) ready = poll(&ended, 1, timeout_ms);
  return ready == 1;
}

}  // namespace

absl::StatusOr<Child> Child::Start(const ChildOrder& order) {
  std::vector<char*> arguments = Pointers(order.arguments), environment = Pointers(order.environment);
  const pid_t parent = getpid();
  const pid_t pid = Fork(order.number);
  if (pid < 0) return kit::ErrnoError("start " + order.arguments[0]);
  if (pid == 0) Become(order, parent, arguments.data(), environment.data());
  return Child(pid);
}

Child& Child::operator=(Child&& other) noexcept {
  if (this != &other) {
    Kill();
    pid_ = std::exchange(other.pid_, -1);
  }
  return *this;
}

bool Child::Ended() {
  if (pid_ > 0 && waitpid(pid_, nullptr, WNOHANG) == pid_) pid_ = -1;
  return pid_ <= 0;
}

void Child::Stop(int grace_ms) {
  if (pid_ <= 0) return;
  kill(pid_, SIGTERM);
  AwaitEnd(grace_ms);
  Reap();
}

void Child::AwaitEnd(int grace_ms) {
  if (pid_ > 0 && !WaitFor(pid_, grace_ms)) kill(pid_, SIGKILL);
}

void Child::Kill() {
  if (pid_ <= 0) return;
  kill(pid_, SIGKILL);
  Reap();
}

int Child::Reap() {
  if (pid_ <= 0) return -1;
  int status = 0;
  while (waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  pid_ = -1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

}  // namespace belfry::demo
