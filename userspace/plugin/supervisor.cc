#include "plugin/supervisor.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <iterator>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "kit/error.h"

namespace belfry::plugin {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

// Between crashes in a row: doubled each time. The host kills a plugin that takes 2 s to end, so it stays below.
constexpr milliseconds kFirstPause{10};
constexpr milliseconds kLongestPause{1000};
// A worker that lived this long crashed for a new reason: its successor comes at once.
constexpr auto kSettled = std::chrono::seconds(10);
constexpr size_t kOutputLine = 3000;

// The door, for the signal handler of the worker, which has no other way to it.
const Door* door_of_worker = nullptr;

// The supervisor was killed: take its socket away and end, whatever the other threads hold.
void OnSupervisorDeath(int) {
  door_of_worker->Remove();
  _exit(1);
}

// Not SIGKILL, so that the socket is removed; not a signal that people or systemd send.
int DeathSignal() { return SIGRTMIN + 3; }

kit::OwnedFd PidFd(pid_t pid) { return kit::OwnedFd(static_cast<int>(syscall(SYS_pidfd_open, pid, 0))); }

}  // namespace

Supervisor::Supervisor(const Door& door, Hclog& log, pid_t host_pid, Worker worker)
    : door_(door), log_(log), host_pid_(host_pid), worker_(std::move(worker)), host_(PidFd(host_pid)) {}

absl::Status Supervisor::Fork() {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return kit::ErrnoError("making a pipe for the worker's output");
  kit::OwnedFd read_end(ends[0]);
  kit::OwnedFd write_end(ends[1]);
  fcntl(read_end.get(), F_SETFL, O_NONBLOCK);
  const pid_t supervisor = getpid();
  const pid_t pid = fork();
  if (pid < 0) return kit::ErrnoError("forking the worker");
  if (pid == 0) {
    read_end.Reset();
    BecomeWorker(supervisor, std::move(write_end));
  }
  child_ = {pid, PidFd(pid), std::move(read_end), Clock::now()};
  return absl::OkStatus();
}

void Supervisor::BecomeWorker(pid_t supervisor, kit::OwnedFd output) {
  door_of_worker = &door_;
  signal(DeathSignal(), OnSupervisorDeath);
  prctl(PR_SET_PDEATHSIG, DeathSignal());
  if (getppid() != supervisor) OnSupervisorDeath(0);  // it died before prctl took effect
  signals_.Reset();
  host_.Reset();
  dup2(output.get(), STDOUT_FILENO);
  dup2(output.get(), STDERR_FILENO);
  output.Reset();
  // SIGTERM is the supervisor's to judge.
  for (const int ignored : {SIGINT, SIGTERM, SIGHUP, SIGPIPE}) signal(ignored, SIG_IGN);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  _exit(worker_());
}

int Supervisor::Run() {
  signal(SIGINT, SIG_IGN);
  signal(SIGPIPE, SIG_IGN);
  sigset_t taken;
  sigemptyset(&taken);
  for (const int number : {SIGTERM, SIGHUP, SIGCHLD}) sigaddset(&taken, number);
  sigprocmask(SIG_BLOCK, &taken, nullptr);
  signals_ = kit::OwnedFd(signalfd(-1, &taken, SFD_CLOEXEC | SFD_NONBLOCK));
  fork_at_ = Clock::now();
  while (!over_) {
    if (child_.pid < 0 && Clock::now() >= fork_at_) {
      if (absl::Status status = Fork(); !status.ok()) {
        log_.Write(LogLevel::kError, status.message());
        fork_at_ = Clock::now() + kLongestPause;
      }
    }
    Wait();
    if (Clock::now() >= end_at_) over_ = true;
  }
  EndWorker();
  door_.Remove();
  return 0;
}

int Supervisor::NextTimeout() const {
  const auto next = child_.pid < 0 ? std::min(fork_at_, end_at_) : end_at_;
  if (next == Clock::time_point::max()) return -1;
  const auto left = std::chrono::ceil<milliseconds>(next - Clock::now()).count();
  return static_cast<int>(std::clamp<int64_t>(left, 0, 60'000));
}

void Supervisor::Wait() {
  // poll(2) passes over negative descriptors. POLLERR on stdout: its reader, the host, is gone.
  pollfd watched[] = {
      {host_.get(), POLLIN, 0}, {STDOUT_FILENO, 0, 0}, {signals_.get(), POLLIN, 0}, {child_.output.get(), POLLIN, 0}};
  if (poll(watched, std::size(watched), NextTimeout()) < 0) return;
  // Without a pidfd the host's end still shows: we get another parent.
  if ((watched[0].revents & POLLIN) != 0 || (watched[1].revents & POLLERR) != 0 || getppid() != host_pid_) over_ = true;
  if (watched[3].revents != 0) DrainOutput();
  if (watched[2].revents != 0) ReadSignals();
}

void Supervisor::ReadSignals() {
  signalfd_siginfo info;
  while (read(signals_.get(), &info, sizeof info) == sizeof info) {
    if (info.ssi_signo == SIGCHLD) {
      Reap();
    } else {
      end_at_ = std::min(end_at_, Clock::now() + kGrace);
    }
  }
}

// gRPC and the C library speak on descriptor 2 when they abort: the agent's log is where that is read.
void Supervisor::DrainOutput() {
  char buffer[kOutputLine];
  const ssize_t got = read(child_.output.get(), buffer, sizeof buffer);
  if (got == 0) child_.output.Reset();
  if (got <= 0) return;
  for (const absl::string_view line : absl::StrSplit(absl::string_view(buffer, got), '\n', absl::SkipEmpty())) {
    log_.Write(LogLevel::kWarn, line, {{"source", "worker's output"}});
  }
}

void Supervisor::Reap() {
  int status = 0;
  if (child_.pid < 0 || waitpid(child_.pid, &status, WNOHANG) != child_.pid) return;
  DrainOutput();
  const bool in_order = WIFEXITED(status) && WEXITSTATUS(status) == 0;
  const bool settled = Clock::now() - child_.since > kSettled;
  child_ = {};
  if (in_order) {
    over_ = true;
    return;
  }
  pause_ = settled || pause_.count() == 0 ? kFirstPause : std::min(pause_ * 2, kLongestPause);
  fork_at_ = Clock::now() + (settled ? milliseconds(0) : pause_);
  const std::string how =
      WIFSIGNALED(status) ? absl::StrCat("signal ", WTERMSIG(status)) : absl::StrCat("exit code ", WEXITSTATUS(status));
  log_.Write(LogLevel::kError, "the worker ended unexpectedly; another one is started with the same configuration",
             {{"ended_with", how}});
}

void Supervisor::EndWorker() {
  if (child_.pid < 0) return;
  kill(child_.pid, SIGKILL);
  waitpid(child_.pid, nullptr, 0);
  child_ = {};
}

}  // namespace belfry::plugin
