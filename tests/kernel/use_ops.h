// Every way to use a connected stream, as a table: what is tried, and the error that came of it.
#ifndef BELFRY_TESTS_KERNEL_USE_OPS_H_
#define BELFRY_TESTS_KERNEL_USE_OPS_H_

#include <fcntl.h>
#include <liburing.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <functional>

#include "belfry/wire.h"

namespace belfry::kernel {

struct UseOp {
  const char* name;
  int (*run)(int fd);    // 0 or the error
  const char* seen_by = nullptr;  // where this program is attached no hook refuses it: it taints instead
  uint32_t makes = 0;             // which taint
};

inline int ErrorOf(long result) { return result < 0 ? errno : 0; }

inline iovec OneByte() {
  static char byte = 'x';
  return {.iov_base = &byte, .iov_len = 1};
}

inline int WithMessage(int fd, int (*call)(int, msghdr*)) {
  iovec data = OneByte();
  msghdr message = {};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  return call(fd, &message);
}

inline int WithMessages(int fd, int (*call)(int, mmsghdr*)) {
  iovec data = OneByte();
  mmsghdr message = {};
  message.msg_hdr.msg_iov = &data;
  message.msg_hdr.msg_iovlen = 1;
  return call(fd, &message);
}

inline int SpliceOut(int fd) {
  int pipe[2];
  if (pipe2(pipe, O_CLOEXEC) != 0 || write(pipe[1], "x", 1) != 1) return -1;
  const int error = ErrorOf(splice(pipe[0], nullptr, fd, nullptr, 1, SPLICE_F_NONBLOCK));
  close(pipe[0]);
  close(pipe[1]);
  return error;
}

inline int SpliceIn(int fd) {
  int pipe[2];
  if (pipe2(pipe, O_CLOEXEC) != 0) return -1;
  const int error = ErrorOf(splice(fd, nullptr, pipe[1], nullptr, 1, SPLICE_F_NONBLOCK));
  close(pipe[0]);
  close(pipe[1]);
  return error;
}

inline int SendFile(int fd) {
  const int file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
  off_t from = 0;
  const int error = ErrorOf(sendfile(fd, file, &from, 1));
  close(file);
  return error;
}

// One entry through `ring`; its result, negative as the kernel says it.
inline int Submit(io_uring& ring, const std::function<void(io_uring_sqe*)>& prepare, unsigned flags = 0) {
  io_uring_sqe* entry = io_uring_get_sqe(&ring);
  prepare(entry);
  io_uring_sqe_set_flags(entry, flags);
  io_uring_submit(&ring);
  io_uring_cqe* done = nullptr;
  if (io_uring_wait_cqe(&ring, &done) != 0) return -EIO;
  const int result = done->res;
  io_uring_cqe_seen(&ring, done);
  return result;
}

inline int ByOwnRing(int, const std::function<void(io_uring_sqe*)>& prepare, unsigned entry_flags = 0) {
  io_uring ring;
  if (io_uring_queue_init(2, &ring, 0) != 0) return -1;
  const int result = Submit(ring, prepare, entry_flags);
  io_uring_queue_exit(&ring);
  return result < 0 ? -result : 0;
}

inline int RingSend(int fd, unsigned flags) {
  return ByOwnRing(fd, [fd](io_uring_sqe* entry) { io_uring_prep_send(entry, fd, "x", 1, MSG_NOSIGNAL); }, flags);
}
inline int RingReceive(int fd, unsigned flags) {
  static char byte;
  return ByOwnRing(fd, [fd](io_uring_sqe* entry) { io_uring_prep_recv(entry, fd, &byte, 1, 0); }, flags);
}

inline int RingWrite(int fd) {
  return ByOwnRing(fd, [fd](io_uring_sqe* entry) { io_uring_prep_write(entry, fd, "x", 1, 0); });
}
inline int RingRead(int fd) {
  static char byte;
  return ByOwnRing(fd, [fd](io_uring_sqe* entry) { io_uring_prep_read(entry, fd, &byte, 1, 0); });
}
// The ring's own table of files.
inline int RingSendFixed(int fd) {
  io_uring ring;
  if (io_uring_queue_init(2, &ring, 0) != 0 || io_uring_register_files(&ring, &fd, 1) != 0) return -1;
  const int result = Submit(ring, [](io_uring_sqe* entry) { io_uring_prep_send(entry, 0, "x", 1, MSG_NOSIGNAL); }, IOSQE_FIXED_FILE);
  io_uring_queue_exit(&ring);
  return result < 0 ? -result : 0;
}
inline int RingSplice(int fd, bool to_it) {
  int pipe[2];
  if (pipe2(pipe, O_CLOEXEC) != 0 || write(pipe[1], "x", 1) != 1) return -1;
  const int from = to_it ? pipe[0] : fd, to = to_it ? fd : pipe[1];
  const int error = ByOwnRing(fd, [=](io_uring_sqe* entry) { io_uring_prep_splice(entry, from, -1, to, -1, 1, 0); });
  close(pipe[0]);
  close(pipe[1]);
  return error;
}
// Linux 5.11; before, the call.
inline int RingShutdown(int fd) {
  const int error = ByOwnRing(fd, [fd](io_uring_sqe* entry) { io_uring_prep_shutdown(entry, fd, SHUT_RDWR); });
  return error == EINVAL ? ErrorOf(shutdown(fd, SHUT_RDWR)) : error;
}

inline constexpr UseOp kUseOps[] = {
    {"send", [](int fd) { return ErrorOf(send(fd, "x", 1, MSG_NOSIGNAL)); }},
    {"sendmsg", [](int fd) { return WithMessage(fd, [](int to, msghdr* m) { return ErrorOf(sendmsg(to, m, MSG_NOSIGNAL)); }); }},
    {"sendmmsg", [](int fd) { return WithMessages(fd, [](int to, mmsghdr* m) { return ErrorOf(sendmmsg(to, m, 1, MSG_NOSIGNAL)); }); }},
    {"write", [](int fd) { return ErrorOf(write(fd, "x", 1)); }},
    {"writev", [](int fd) { const iovec data = OneByte(); return ErrorOf(writev(fd, &data, 1)); }},
    {"splice to it", SpliceOut, "send_page", 1u << BELFRY_TAINT_FOREIGN_SENDER},
    {"sendfile to it", SendFile, "send_page", 1u << BELFRY_TAINT_FOREIGN_SENDER},
    {"recv", [](int fd) { char c; return ErrorOf(recv(fd, &c, 1, MSG_DONTWAIT)); }},
    {"peek", [](int fd) { char c; return ErrorOf(recv(fd, &c, 1, MSG_PEEK | MSG_DONTWAIT)); }},
    {"recvmsg", [](int fd) { return WithMessage(fd, [](int from, msghdr* m) { return ErrorOf(recvmsg(from, m, MSG_DONTWAIT)); }); }},
    {"recvmmsg", [](int fd) { return WithMessages(fd, [](int from, mmsghdr* m) { return ErrorOf(recvmmsg(from, m, 1, MSG_DONTWAIT, nullptr)); }); }},
    {"read", [](int fd) { char c; return ErrorOf(read(fd, &c, 1)); }},
    {"readv", [](int fd) { const iovec data = OneByte(); return ErrorOf(readv(fd, &data, 1)); }},
    {"setsockopt", [](int fd) { int n = 0; return ErrorOf(setsockopt(fd, SOL_SOCKET, SO_PRIORITY, &n, sizeof n)); }},
    {"ioctl", [](int fd) { int n = 0; return ErrorOf(ioctl(fd, FIONREAD, &n)); }},
    {"io_uring send", [](int fd) { return RingSend(fd, 0); }},
    {"io_uring send by a worker", [](int fd) { return RingSend(fd, IOSQE_ASYNC); }},
    {"io_uring receive", [](int fd) { return RingReceive(fd, 0); }},
    {"io_uring receive by a worker", [](int fd) { return RingReceive(fd, IOSQE_ASYNC); }},
    {"io_uring write", RingWrite},
    {"io_uring read", RingRead},
    {"io_uring send by its table of files", RingSendFixed},
    {"io_uring splice to it", [](int fd) { return RingSplice(fd, true); }, "send_page", 1u << BELFRY_TAINT_FOREIGN_SENDER},
    {"io_uring splice from it", [](int fd) { return RingSplice(fd, false); }, "splice_read", 1u << BELFRY_TAINT_FOREIGN_RECEIVER},
    {"splice from it", SpliceIn, "splice_read", 1u << BELFRY_TAINT_FOREIGN_RECEIVER},
    {"io_uring shutdown", RingShutdown},  // last: they end the stream where they work
    {"shutdown", [](int fd) { return ErrorOf(shutdown(fd, SHUT_RDWR)); }},
};
inline constexpr int kUseOpCount = sizeof(kUseOps) / sizeof(kUseOps[0]);

// Whoever has the descriptor may: nothing flows.
inline constexpr UseOp kHarmlessOps[] = {
    {"getsockopt", [](int fd) { int n = 0; socklen_t size = sizeof n; return ErrorOf(getsockopt(fd, SOL_SOCKET, SO_TYPE, &n, &size)); }},
    {"getpeername", [](int fd) { sockaddr_storage to; socklen_t size = sizeof to; return ErrorOf(getpeername(fd, reinterpret_cast<sockaddr*>(&to), &size)); }},
    {"poll", [](int fd) { pollfd one{.fd = fd, .events = POLLOUT, .revents = 0}; return poll(&one, 1, 0) == 1 ? 0 : errno; }},
    {"dup", [](int fd) { const int copy = dup(fd); return ErrorOf(copy) == 0 ? ErrorOf(close(copy)) : errno; }},
};

}  // namespace belfry::kernel

#endif  // BELFRY_TESTS_KERNEL_USE_OPS_H_
