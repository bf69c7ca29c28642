// Every way to use a connected stream, as a table: what is tried, and the error that came of it.
#ifndef BELFRY_TESTS_KERNEL_USE_OPS_H_
#define BELFRY_TESTS_KERNEL_USE_OPS_H_

#include <fcntl.h>
#include <liburing.h>
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
    {"splice from it", SpliceIn, "splice_read", 1u << BELFRY_TAINT_FOREIGN_RECEIVER},
    {"shutdown", [](int fd) { return ErrorOf(shutdown(fd, SHUT_RDWR)); }},  // last: it ends the stream where it works
};
inline constexpr int kUseOpCount = sizeof(kUseOps) / sizeof(kUseOps[0]);

}  // namespace belfry::kernel

#endif  // BELFRY_TESTS_KERNEL_USE_OPS_H_
