#include "effect/cutter.h"

#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "effect/cutter_process.h"
#include "kit/error.h"

namespace belfry::effect {
namespace {

class CutterProcess final : public Cutter {
 public:
  CutterProcess(pid_t pid, kit::OwnedFd channel) : pid_(pid), channel_(std::move(channel)) {}

  ~CutterProcess() override {
    // Its recv returns 0 and it ends by itself, also if a process that we forked still has a copy of our end.
    shutdown(channel_.get(), SHUT_RDWR);
    while (waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
    }
    for (auto& [id, done] : std::exchange(waiting_, {})) done(absl::UnavailableError("cutting: the cutter has ended"));
  }

  void Cut(const ServerEnd& end, std::function<void(absl::Status)> done) override {
    const CutRequest request{.id = ++last_id_, .sock_inode = end.sock_inode, .tgid = end.tgid, .fd = end.fd};
    if (send(channel_.get(), &request, sizeof request, MSG_DONTWAIT | MSG_NOSIGNAL) != sizeof request) {
      done(kit::ErrnoError("asking the cutter", "it is tried again"));
      return;
    }
    waiting_.emplace(request.id, std::move(done));
  }

  int Fd() const override { return channel_.get(); }

  void Ready() override {
    CutAnswer answer;
    while (true) {
      const ssize_t got = recv(channel_.get(), &answer, sizeof answer, MSG_DONTWAIT);
      if (got == sizeof answer) {
        auto node = waiting_.extract(answer.id);
        if (!node.empty()) node.mapped()(Understood(answer.error));
        continue;
      }
      if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
      for (auto& [id, done] : std::exchange(waiting_, {}))
        done(absl::UnavailableError("cutting: the cutter has ended; restart belfryd"));
      return;
    }
  }

 private:
  static absl::Status Understood(int error) {
    if (error == 0) return absl::OkStatus();
    // Gone or closed and reused: either way that socket is not there to be cut.
    if (error == ESRCH || error == EBADF || error == ESTALE)
      return absl::NotFoundError("cutting: the server no longer holds that socket");
    errno = error;
    return kit::ErrnoError("cutting", "the cutter needs CAP_SYS_PTRACE");
  }

  const pid_t pid_;
  kit::OwnedFd channel_;
  uint64_t last_id_ = 0;
  std::map<uint64_t, std::function<void(absl::Status)>> waiting_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Cutter>> StartCutter() {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) return kit::ErrnoError("starting the cutter");
  kit::OwnedFd ours(ends[0]), theirs(ends[1]);
  const pid_t pid = fork();
  if (pid < 0) return kit::ErrnoError("starting the cutter", "raise the limit of processes");
  if (pid == 0) {
    ours.Reset();
    ServeCuts(theirs.get());
  }
  return std::make_unique<CutterProcess>(pid, std::move(ours));
}

}  // namespace belfry::effect
