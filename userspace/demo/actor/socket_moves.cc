// Sockets and descriptors: who opens a connection, and the ways it changes hands.
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "absl/strings/numbers.h"
#include "demo/actor/moves.h"
#include "kit/error.h"

namespace belfry::demo {
namespace {

absl::StatusOr<int> Number(const Move& move, size_t index) {
  int value = 0;
  if (index >= move.words.size() || !absl::SimpleAtoi(move.words[index], &value)) {
    return kit::Error(absl::StatusCode::kInvalidArgument, "read a move", "a number is missing in " + move.words[0]);
  }
  return value;
}

absl::StatusOr<sockaddr_un> Address(const Move& move, size_t index) {
  sockaddr_un address{.sun_family = AF_UNIX};
  if (index >= move.words.size() || move.words[index].size() >= sizeof address.sun_path) {
    return kit::Error(absl::StatusCode::kInvalidArgument, "read a move", "no socket path that fits");
  }
  memcpy(address.sun_path, move.words[index].data(), move.words[index].size());
  return address;
}

absl::StatusOr<Json> Connect(Move& move) {
  auto address = Address(move, 1);
  if (!address.ok()) return address.status();
  kit::OwnedFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd) return kit::ErrnoError("open a socket");
  if (connect(fd.get(), reinterpret_cast<sockaddr*>(&*address), sizeof *address) != 0) {
    return kit::ErrnoError("connect to " + move.words[1]);
  }
  return fd.Release();  // held until the actor ends: the scene is about who holds it
}

// On a socket that is connected already: must fail with EISCONN, and must not change who opened it (kernel-facts 9.5).
absl::StatusOr<Json> ConnectAgain(Move& move) {
  auto fd = Number(move, 1);
  auto address = Address(move, 2);
  if (!fd.ok()) return fd.status();
  if (!address.ok()) return address.status();
  if (connect(*fd, reinterpret_cast<sockaddr*>(&*address), sizeof *address) == 0 || errno != EISCONN) {
    return kit::ErrnoError("connect a connected socket again and be told EISCONN");
  }
  return true;
}

absl::StatusOr<Json> Take(Move& move) {
  if (!move.passed) return kit::Error(absl::StatusCode::kInvalidArgument, "take a descriptor", "none came");
  move.actor.held.push_back(move.passed.Release());
  return move.actor.held.back();
}

absl::StatusOr<Json> Give(Move& move) {
  auto channel = Number(move, 1);
  auto fd = Number(move, 2);
  if (!channel.ok()) return channel.status();
  if (!fd.ok()) return fd.status();
  absl::Status sent = SendPacket(*channel, Json("yours"), *fd);
  if (!sent.ok()) return sent;
  return true;
}

absl::StatusOr<Json> Receive(Move& move) {
  auto channel = Number(move, 1);
  if (!channel.ok()) return channel.status();
  auto packet = ReceivePacket(*channel, 10000);
  if (!packet.ok()) return packet.status();
  if (!packet->fd) return -1;  // the kernel dropped it: for the director to judge
  return packet->fd.Release();
}

absl::StatusOr<Json> GetFd(Move& move) {
  auto pid = Number(move, 1);
  auto fd = Number(move, 2);
  if (!pid.ok()) return pid.status();
  if (!fd.ok()) return fd.status();
  kit::OwnedFd process(syscall(SYS_pidfd_open, *pid, 0));
  if (!process) return kit::ErrnoError("pidfd_open the opener");
  const int taken = syscall(SYS_pidfd_getfd, process.get(), *fd, 0);
  if (taken < 0 && errno != EACCES) return kit::ErrnoError("pidfd_getfd from the opener");
  return taken;
}

}  // namespace

const MoveTable& SocketMoves() {
  static const MoveTable table{{"connect", Connect}, {"connect-again", ConnectAgain}, {"take", Take},
                               {"give", Give},       {"receive", Receive},            {"getfd", GetFd}};
  return table;
}

}  // namespace belfry::demo
