#include "demo/wire.h"

#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <vector>

#include "demo/interrupt.h"
#include "kit/error.h"

namespace belfry::demo {

absl::StatusOr<std::pair<kit::OwnedFd, kit::OwnedFd>> ControlPair() {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) return kit::ErrnoError("open a control pair");
  return std::make_pair(kit::OwnedFd(ends[0]), kit::OwnedFd(ends[1]));
}

absl::Status SendPacket(int control, const Json& body, int pass) {
  std::string text = body.dump(-1, ' ', false, Json::error_handler_t::replace);
  iovec data{text.data(), text.size()};
  alignas(cmsghdr) char room[CMSG_SPACE(sizeof(int))] = {};
  msghdr message{};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  if (pass >= 0) {
    message.msg_control = room;
    message.msg_controllen = sizeof room;
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(header), &pass, sizeof pass);
  }
  while (sendmsg(control, &message, MSG_NOSIGNAL) < 0) {
    if (errno != EINTR) return kit::ErrnoError("send on the control pair");
  }
  return absl::OkStatus();
}

absl::StatusOr<Packet> ReceivePacket(int control, int timeout_ms) {
  pollfd wanted[2] = {{control, POLLIN, 0}, {InterruptFd(), POLLIN, 0}};
  int ready = poll(wanted, 2, timeout_ms);
  while (ready < 0 && errno == EINTR) ready = poll(wanted, 2, timeout_ms);
  if (wanted[1].revents != 0) {
    return kit::Error(absl::StatusCode::kCancelled, "wait for the next event", "stopped by a signal");
  }
  if (ready == 0) {
    return kit::Error(absl::StatusCode::kDeadlineExceeded, "wait for the next event", "nothing came in time");
  }
  std::vector<char> buffer(kPacketBytes);
  iovec data{buffer.data(), buffer.size()};
  alignas(cmsghdr) char room[CMSG_SPACE(sizeof(int))] = {};
  msghdr message{};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = room;
  message.msg_controllen = sizeof room;
  ssize_t got = recvmsg(control, &message, MSG_CMSG_CLOEXEC);
  while (got < 0 && errno == EINTR) got = recvmsg(control, &message, MSG_CMSG_CLOEXEC);
  if (got <= 0) return kit::Error(absl::StatusCode::kUnavailable, "wait for the next event", "the other side is gone");
  Packet packet;
  for (cmsghdr* header = CMSG_FIRSTHDR(&message); header; header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
    int fd = -1;
    memcpy(&fd, CMSG_DATA(header), sizeof fd);
    packet.fd = kit::OwnedFd(fd);
  }
  packet.body = Json::parse(buffer.begin(), buffer.begin() + got, nullptr, false);
  if (packet.body.is_discarded()) {
    return kit::Error(absl::StatusCode::kDataLoss, "read an event", "not the demo's JSON");
  }
  return packet;
}

}  // namespace belfry::demo
