// Processes: fork, exec, threads, and ways to end.
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "absl/strings/numbers.h"
#include "demo/actor/moves.h"
#include "kit/error.h"

extern char** environ;

namespace belfry::demo {
namespace {

// The child serves the control that came with the move and ends when the director drops it.
absl::StatusOr<Json> Fork(Move& move) {
  if (!move.passed) return kit::Error(absl::StatusCode::kInvalidArgument, "fork", "no control for the child");
  const pid_t child = fork();
  if (child < 0) return kit::ErrnoError("fork");
  if (child == 0) {
    close(move.actor.control);
    setpgid(0, 0);  // else the parent's number stays in use as a process group when it is gone
    Actor self;
    self.control = move.passed.Release();
    _exit(SendPacket(self.control, {{"ok", true}, {"value", getpid()}}).ok() ? Play(self) : 1);
  }
  signal(SIGCHLD, SIG_IGN);  // no zombies among the children; the director keeps its own
  return child;
}

// words: verb, program, program's arguments..., with NAME=VALUE first for its environment.
// The program is asked to go on as an actor on the same control and says so there.
absl::Status Become(const Move& move) {
  const int control = move.actor.control;
  size_t at = 1;
  while (at < move.words.size() && move.words[at][0] != '/') {
    putenv(strdup(move.words[at++].c_str()));  // kept by the environment until exec
  }
  std::vector<char*> arguments;
  for (; at < move.words.size(); ++at) arguments.push_back(const_cast<char*>(move.words[at].c_str()));
  if (arguments.empty()) return kit::Error(absl::StatusCode::kInvalidArgument, "exec", "no program");
  std::string number = std::to_string(control), role = "act";
  arguments.push_back(role.data());
  arguments.push_back(number.data());
  arguments.push_back(nullptr);
  fcntl(control, F_SETFD, 0);
  execv(arguments[0], arguments.data());
  absl::Status failed = kit::ErrnoError("exec " + std::string(arguments[0]));
  fcntl(control, F_SETFD, FD_CLOEXEC);
  return failed;
}

absl::StatusOr<Json> Exec(Move& move) { return Become(move); }

absl::StatusOr<Json> ExecFromThread(Move& move) {
  absl::Status failed;
  std::thread other([&] { failed = Become(move); });
  other.join();
  return failed;
}

absl::StatusOr<Json> Open(Move& move) {
  const int fd = open(move.words.at(1).c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return kit::ErrnoError("open " + move.words[1]);
  return fd;
}

// The main thread ends, the play goes on in another: the process stays, its leader is a zombie.
absl::StatusOr<Json> LeaveLeader(Move& move) {
  static Actor successor;  // lives until the process ends: no frame of the main thread is left to own it
  successor.control = move.actor.control;
  successor.threads.emplace_back([leader = pthread_self()] {
    pthread_join(leader, nullptr);
    if (!SendPacket(successor.control, {{"ok", true}, {"value", true}}).ok()) _exit(1);
    _exit(Play(successor));
  });
  pthread_exit(nullptr);
}

void SpawnForEver(Actor& actor) {
  while (actor.spawning) {
    const char* arguments[] = {"/bin/true", nullptr};
    pid_t child = 0;
    if (posix_spawn(&child, arguments[0], nullptr, nullptr, const_cast<char**>(arguments), environ) == 0) {
      waitpid(child, nullptr, 0);
    }
  }
}

absl::StatusOr<Json> Spawn(Move& move) {
  move.actor.spawning = true;
  for (int i = 0; i < 4; ++i) move.actor.threads.emplace_back([&actor = move.actor] { SpawnForEver(actor); });
  return true;
}

absl::StatusOr<Json> StopSpawning(Move& move) {
  move.actor.spawning = false;
  return true;
}

// A thread that waits in read(2) on a connection of its own until the other end closes it.
absl::StatusOr<Json> Block(Move& move) {
  int fd = 0;
  if (!absl::SimpleAtoi(move.words.at(1), &fd)) {
    return kit::Error(absl::StatusCode::kInvalidArgument, "block in read", "no descriptor");
  }
  move.actor.threads.emplace_back([fd] {
    char bytes[512];
    while (read(fd, bytes, sizeof bytes) > 0) {
    }
  });
  return true;
}

absl::StatusOr<Json> Exit(Move&) { _exit(0); }

// Where Yama restricts ptrace to descendants, the scene's own accomplice is let in, as a real accomplice would be.
absl::StatusOr<Json> LetIn(Move&) {
  prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY);
  return true;
}

}  // namespace

const MoveTable& ProcessMoves() {
  static const MoveTable table{
      {"fork", Fork},   {"exec", Exec},   {"exec-thread", ExecFromThread},  {"open", Open}, {"leave-leader", LeaveLeader},
      {"spawn", Spawn}, {"block", Block}, {"stop-spawning", StopSpawning}, {"exit", Exit}, {"let-in", LetIn}};
  return table;
}

}  // namespace belfry::demo
