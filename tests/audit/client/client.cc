// A client of a guarded socket: connects by the route that it is told, and ends; or by the thousand, keeping its own count.
//
//   audit_client connect|uring|int80|exec|comm PATH        a unix socket, or IP/PORT of a TCP one
//   audit_client hand PATH                             another process sends on what was opened here; prints its pid
//   audit_client flood PATH PROCESSES THREADS EACH     prints how many connects succeeded
#include <arpa/inet.h>
#include <liburing.h>
#include <netinet/in.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

namespace {

struct Address {
  union {
    sockaddr any;
    sockaddr_un unix;
    sockaddr_in ipv4;
    sockaddr_in6 ipv6;
  };
  socklen_t size;

  int Socket() const { return socket(any.sa_family, SOCK_STREAM, 0); }
};

Address AddressOf(const char* path) {
  Address address{};
  const char* slash = strrchr(path, '/');
  const std::string ip(path, slash == nullptr ? 0 : static_cast<size_t>(slash - path));
  if (inet_pton(AF_INET, ip.c_str(), &address.ipv4.sin_addr) == 1) {
    address.ipv4.sin_family = AF_INET;
    address.ipv4.sin_port = htons(static_cast<uint16_t>(atoi(slash + 1)));
    address.size = sizeof address.ipv4;
  } else if (inet_pton(AF_INET6, ip.c_str(), &address.ipv6.sin6_addr) == 1) {
    address.ipv6.sin6_family = AF_INET6;
    address.ipv6.sin6_port = htons(static_cast<uint16_t>(atoi(slash + 1)));
    address.size = sizeof address.ipv6;
  } else {
    address.unix = {.sun_family = AF_UNIX, .sun_path = {}};
    strncpy(address.unix.sun_path, path, sizeof address.unix.sun_path - 1);
    address.size = sizeof address.unix;
    if (*path == '@') {  // abstract
      address.unix.sun_path[0] = 0;
      address.size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + strlen(path));
    }
  }
  return address;
}

// A TCP connection is reset when it is closed: by the thousand they would use up all ports of the client's side.
int Connect(const char* path) {
  const Address address = AddressOf(path);
  const int fd = address.Socket();
  const linger none{.l_onoff = 1, .l_linger = 0};
  if (address.any.sa_family != AF_UNIX) setsockopt(fd, SOL_SOCKET, SO_LINGER, &none, sizeof none);
  if (connect(fd, &address.any, address.size) == 0) return fd;
  close(fd);
  return -1;
}

int ConnectByRing(const char* path) {
  const Address address = AddressOf(path);
  io_uring ring;
  if (io_uring_queue_init(2, &ring, 0) != 0) return 77;
  io_uring_prep_connect(io_uring_get_sqe(&ring), address.Socket(), &address.any, address.size);
  io_uring_submit(&ring);
  io_uring_cqe* done = nullptr;
  return io_uring_wait_cqe(&ring, &done) == 0 && done->res == 0 ? 0 : 1;
}

// As a 32-bit program calls: what the arguments point to lies below 4 GiB.
int ConnectAs32Bit([[maybe_unused]] const char* path) {
#if defined(__x86_64__)
  void* low = mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
  const Address address = AddressOf(path);
  memcpy(low, &address.any, address.size);
  const int fd = address.Socket();
  long result = 362;  // connect
  asm volatile("int $0x80" : "+a"(result) : "b"(fd), "c"(low), "d"(address.size) : "memory", "r8", "r9", "r10", "r11");
  return result == 0 ? 0 : 77;
#else
  return 77;
#endif
}

// By SCM_RIGHTS, to a child that was there before the connect.
int Hand(const char* path) {
  int channel[2];
  if (socketpair(AF_UNIX, SOCK_DGRAM, 0, channel) != 0) return 1;
  char byte = 0;
  iovec content{.iov_base = &byte, .iov_len = 1};
  alignas(cmsghdr) char space[CMSG_SPACE(sizeof(int))] = {};
  msghdr message{.msg_iov = &content, .msg_iovlen = 1, .msg_control = space, .msg_controllen = sizeof space};
  const pid_t child = fork();
  if (child == 0) {
    int fd = -1;
    if (recvmsg(channel[1], &message, 0) != 1 || CMSG_FIRSTHDR(&message) == nullptr) _exit(1);
    memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof fd);
    _exit(send(fd, &byte, 1, MSG_NOSIGNAL) == 1 ? 0 : 1);
  }
  const int fd = Connect(path);
  cmsghdr* header = CMSG_FIRSTHDR(&message);
  *header = {.cmsg_len = CMSG_LEN(sizeof fd), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
  memcpy(CMSG_DATA(header), &fd, sizeof fd);
  int status = 1;
  if (fd < 0 || sendmsg(channel[0], &message, 0) != 1 || waitpid(child, &status, 0) != child) return 1;
  printf("%d\n", child);
  return status == 0 ? 0 : 1;
}

// Of TCP connect(2) succeeds before the server has its end, and never gives it one that is reset while its queue is full:
// the server has let go by closing.
bool ServerHadIt(int fd, const char* path) {
  char byte;
  return AddressOf(path).any.sa_family == AF_UNIX || read(fd, &byte, 1) == 0;
}

unsigned long Many(const char* path, int threads, int each) {
  std::atomic<unsigned long> made = 0;
  std::vector<std::thread> all;
  for (int i = 0; i < threads; ++i)
    all.emplace_back([&] {
      for (int n = 0; n < each; ++n) {
        const int fd = Connect(path);
        if (fd < 0) continue;
        made += ServerHadIt(fd, path);
        close(fd);
      }
    });
  for (std::thread& one : all) one.join();
  return made;
}

int Flood(const char* path, int processes, int threads, int each) {
  int counts[2];
  if (pipe(counts) != 0) return 1;
  for (int i = 0; i < processes; ++i) {
    if (fork() != 0) continue;
    const unsigned long made = Many(path, threads, each);
    _exit(write(counts[1], &made, sizeof made) == sizeof made ? 0 : 1);
  }
  close(counts[1]);
  unsigned long total = 0;
  for (unsigned long made; read(counts[0], &made, sizeof made) == sizeof made;) total += made;
  while (wait(nullptr) > 0) {
  }
  printf("%lu\n", total);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) return 64;
  const std::string how = argv[1];
  if (how == "uring") return ConnectByRing(argv[2]);
  if (how == "hand") return Hand(argv[2]);
  if (how == "int80") return ConnectAs32Bit(argv[2]);
  if (how == "flood" && argc == 6) return Flood(argv[2], atoi(argv[3]), atoi(argv[4]), atoi(argv[5]));
  if (how == "comm") prctl(PR_SET_NAME, "\x1b[2J\nroot\xff");
  if (Connect(argv[2]) < 0) return 1;
  if (how == "exec") execl("/bin/true", "true", nullptr);
  return 0;
}
