#include "engine/stranger.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "kit/error.h"
#include "kit/owned_fd.h"

namespace belfry::engine {
namespace {

constexpr char kForking[] = "starting the canary's stranger";

union Rights {
  cmsghdr header;
  char bytes[CMSG_SPACE(sizeof(int))];
};

msghdr MessageWith(iovec& data, Rights& rights) {
  return {.msg_name = nullptr, .msg_namelen = 0, .msg_iov = &data, .msg_iovlen = 1,
          .msg_control = rights.bytes, .msg_controllen = sizeof rights.bytes, .msg_flags = 0};
}

bool SendDescriptor(int to, int fd) {
  char byte = 'x';
  iovec data{.iov_base = &byte, .iov_len = 1};
  Rights rights{};
  const msghdr message = MessageWith(data, rights);
  cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof(int));
  memcpy(CMSG_DATA(header), &fd, sizeof fd);
  return sendmsg(to, &message, MSG_NOSIGNAL | MSG_DONTWAIT) == 1;
}

void ReceiveDescriptor(int from) {
  char byte = 0;
  iovec data{.iov_base = &byte, .iov_len = 1};
  Rights rights{};
  msghdr message = MessageWith(data, rights);
  if (recvmsg(from, &message, MSG_DONTWAIT) < 0) return;
}

// Plays in a child of a process with threads: system calls only. What it ended with.
template <typename Play>
absl::StatusOr<int> EndOfChild(Play play) {
  const pid_t child = _Fork();  // no handlers of other threads
  if (child == 0) _exit(play());
  if (child < 0) return kit::ErrnoError(kForking);
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

struct Door {
  explicit Door(const std::string& path) {
    memcpy(address.sun_path, path.data(), std::min(path.size(), sizeof address.sun_path - 1));
  }
  // 0, or the error.
  int Try(int client) const {
    return connect(client, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 ? 0 : errno;
  }
  sockaddr_un address{.sun_family = AF_UNIX};
};

int FreshClient() { return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0); }

kit::OwnedFd Accept(int listener) { return kit::OwnedFd(accept4(listener, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK)); }

// As a 32-bit program asks. Where the kernel has no such door this is the child's end, which does not matter.
void IoctlAs32Bit([[maybe_unused]] int fd) {
#if defined(__x86_64__)
  long result = 54;  // ioctl
  __asm__ volatile("int $0x80" : "+a"(result) : "b"(fd), "c"(FIONREAD), "d"(0) : "memory", "r8", "r9", "r10", "r11");
#endif
}

// The opener's way too: where strangers are refused before, that is all that the programs which only look can see.
void Splice(int client, const int (&pipe)[2], int& number) {
  const char byte = 'x';
  if (splice(client, nullptr, pipe[1], nullptr, 1, SPLICE_F_NONBLOCK) < 0) number = errno;
  if (write(pipe[1], &byte, 1) < 0 || splice(pipe[0], nullptr, client, nullptr, 1, SPLICE_F_NONBLOCK) < 0) number = errno;
}

int PlayStranger(int client, int mail, const int (&pipe)[2]) {
  char byte = 'x';
  int number = 0;
  if (send(client, &byte, 1, MSG_DONTWAIT | MSG_NOSIGNAL) < 0) number = errno;
  if (recv(client, &byte, 1, MSG_DONTWAIT) < 0) number = errno;
  Splice(client, pipe, number);
  ReceiveDescriptor(mail);
  setsockopt(client, SOL_SOCKET, SO_PRIORITY, &number, sizeof number);
  ioctl(client, FIONREAD, &number);
  shutdown(client, SHUT_RDWR);
  IoctlAs32Bit(client);
  return 0;
}

}  // namespace

absl::Status TryEverything(int client) {
  int mail[2], pipe[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, mail) != 0) return kit::ErrnoError(kForking);
  const kit::OwnedFd sender(mail[0]), receiver(mail[1]);
  if (pipe2(pipe, O_CLOEXEC) != 0) return kit::ErrnoError(kForking);
  const kit::OwnedFd reader(pipe[0]), writer(pipe[1]);
  int number = 0;
  Splice(client, pipe, number);
  if (!SendDescriptor(sender.get(), client)) return kit::ErrnoError(kForking);
  return EndOfChild([&] { return PlayStranger(client, receiver.get(), pipe); }).status();
}

absl::StatusOr<int> AnswerTheDead(int listener, const std::string& path) {
  const Door door(path);
  const kit::OwnedFd client(FreshClient());
  if (!client) return kit::ErrnoError(kForking);
  if (auto end = EndOfChild([&] { return door.Try(client.get()); }); !end.ok()) return end;
  const kit::OwnedFd server = Accept(listener);
  if (!server) return kit::ErrnoError("accepting the canary's second connection");
  return send(server.get(), "x", 1, MSG_NOSIGNAL | MSG_DONTWAIT) == 1 ? 0 : errno;
}

absl::StatusOr<int> ConnectOnce(int listener, const std::string& path) {
  const Door door(path);
  const auto end = EndOfChild([&] { return door.Try(FreshClient()); });
  while (Accept(listener)) continue;
  return end;
}

absl::StatusOr<int> ConnectTwice(int listener, const std::string& path) {
  const Door door(path);
  const auto end = EndOfChild([&] { return door.Try(FreshClient()) != 0 ? -1 : door.Try(FreshClient()); });
  while (Accept(listener)) continue;
  return end;
}

}  // namespace belfry::engine
