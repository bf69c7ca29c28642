#include "effect/cutter_process.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "kit/owned_fd.h"

namespace belfry::effect {
namespace {

// pidfd_getfd on a process with more rights than ours asks for exactly this one.
bool KeepOnlyPtrace() {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[2] = {};
  if (syscall(SYS_capget, &header, data) != 0) return false;
  const uint32_t keep = 1u << CAP_SYS_PTRACE;
  data[0].effective = data[0].permitted = data[0].permitted & keep;
  data[1].effective = data[1].permitted = 0;
  data[0].inheritable = data[1].inheritable = 0;
  for (int capability = 0; prctl(PR_CAPBSET_READ, capability) >= 0; ++capability)
    if (capability != CAP_SYS_PTRACE) prctl(PR_CAPBSET_DROP, capability);
  prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
  return syscall(SYS_capset, &header, data) == 0;
}

}  // namespace

int CutOne(const CutRequest& request) {
  const kit::OwnedFd process(static_cast<int>(syscall(SYS_pidfd_open, request.tgid, 0)));
  if (!process) return errno;
  const kit::OwnedFd socket(static_cast<int>(syscall(SYS_pidfd_getfd, process.get(), request.fd, 0)));
  if (!socket) return errno;
  // While we hold the descriptor its inode number cannot belong to another socket.
  struct stat status {};
  if (fstat(socket.get(), &status) != 0) return errno;
  if (!S_ISSOCK(status.st_mode) || status.st_ino != request.sock_inode) return ESTALE;
  int listening = 0;
  socklen_t size = sizeof listening;
  if (getsockopt(socket.get(), SOL_SOCKET, SO_ACCEPTCONN, &listening, &size) != 0) return errno;
  if (listening != 0) return ESTALE;
  if (shutdown(socket.get(), SHUT_RDWR) != 0 && errno != ENOTCONN) return errno;
  return 0;
}

void ServeCuts(int channel) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  prctl(PR_SET_NAME, "belfry-cutter");
  prctl(PR_SET_DUMPABLE, 0);
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  // A terminal's or the service manager's signal is for the daemon: this process ends when the channel does.
  signal(SIGINT, SIG_IGN);
  signal(SIGTERM, SIG_IGN);
  signal(SIGHUP, SIG_IGN);
  if (channel != 3) {
    if (dup2(channel, 3) != 3) _exit(1);
    channel = 3;
  }
  close_range(4, ~0u, 0);
  if (!KeepOnlyPtrace()) _exit(1);
  CutRequest request;
  while (true) {
    const ssize_t got = recv(channel, &request, sizeof request, 0);
    if (got < 0 && errno == EINTR) continue;
    if (got != sizeof request) _exit(0);
    const CutAnswer answer{.id = request.id, .error = CutOne(request)};
    if (send(channel, &answer, sizeof answer, MSG_NOSIGNAL) != sizeof answer) _exit(0);
  }
}

}  // namespace belfry::effect
