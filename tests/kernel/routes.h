// Ways into connect(2) beside the call itself. For children of a test: what fails ends the child.
#ifndef BELFRY_TESTS_KERNEL_ROUTES_H_
#define BELFRY_TESTS_KERNEL_ROUTES_H_

#include <liburing.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>
#include <utility>

namespace belfry::kernel {

inline void Must(bool ok) {
  if (!ok) _exit(1);
}

// 0, or the error for which there are no rings here.
inline int WhyNoRings() {
  io_uring probe;
  const int error = io_uring_queue_init(2, &probe, 0);
  if (error == 0) io_uring_queue_exit(&probe);
  return error;
}

// 0, or the error. The ring stays: an SQPOLL thread would take the process's last breath otherwise.
inline int TryByRing(int fd, const sockaddr* address, socklen_t size, unsigned ring_flags, unsigned entry_flags) {
  io_uring ring;
  Must(io_uring_queue_init(4, &ring, ring_flags) == 0);
  io_uring_sqe* entry = io_uring_get_sqe(&ring);
  io_uring_prep_connect(entry, fd, address, size);
  io_uring_sqe_set_flags(entry, entry_flags);
  io_uring_submit(&ring);
  io_uring_cqe* done = nullptr;
  Must(io_uring_wait_cqe(&ring, &done) == 0);
  return -done->res;
}

inline void ConnectByRing(int fd, const sockaddr* address, socklen_t size, unsigned ring_flags, unsigned entry_flags) {
  Must(TryByRing(fd, address, size, ring_flags, entry_flags) == 0);
}

// The flags of ring and entry: inline, by a worker, by a polling thread.
constexpr std::pair<unsigned, unsigned> kRings[] = {{0, 0}, {0, IOSQE_ASYNC}, {IORING_SETUP_SQPOLL, 0}};

#ifdef __x86_64__
// 0, or the error. Its pointers are of 32 bits.
inline int TryBy32BitCall(int fd, const void* address, socklen_t size) {
  void* low = mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
  Must(low != MAP_FAILED);
  std::memcpy(low, address, size);
  constexpr long kConnect32 = 362;
  long result = kConnect32;
  asm volatile("int $0x80" : "+a"(result) : "b"(fd), "c"(low), "d"(size) : "memory", "r8", "r9", "r10", "r11");
  return static_cast<int>(-result);
}

inline void ConnectBy32BitCall(int fd, const void* address, socklen_t size) { Must(TryBy32BitCall(fd, address, size) == 0); }
#endif

}  // namespace belfry::kernel

#endif  // BELFRY_TESTS_KERNEL_ROUTES_H_
