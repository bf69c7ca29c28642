// cost_meter GUARDED RULED OTHER: what operations cost, one line each: `NAME INSTRUCTIONS`.
//
// In a guest under -icount the time stamp counter rises by one for each guest instruction, so the figures are counts and
// say the same on every machine. It serves the three sockets, and asks from a child: nobody is his own client.
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include <x86intrin.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <vector>

namespace {

constexpr int kRounds = 200, kEach = 10, kSpawnRounds = 20;

[[noreturn]] void Stop(const char* what) {
  perror(what);
  exit(1);
}

int Listen(const char* path) {
  sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = {}};
  strncpy(address.sun_path, path, sizeof address.sun_path - 1);
  const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  unlink(path);
  if (bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 || listen(fd, 64) != 0) Stop(path);
  return fd;
}

// The median of rounds, each the mean of a few: a timer's interrupt falls into some.
void Tell(const char* name, const std::function<uint64_t()>& once, int rounds = kRounds) {
  std::vector<uint64_t> counts;
  once();  // what is not in any cache yet
  for (int round = 0; round < rounds; ++round) {
    uint64_t sum = 0;
    for (int i = 0; i < kEach; ++i) sum += once();
    counts.push_back(sum / kEach);
  }
  std::nth_element(counts.begin(), counts.begin() + rounds / 2, counts.end());
  printf("%s %llu\n", name, static_cast<unsigned long long>(counts[static_cast<size_t>(rounds) / 2]));
  fflush(stdout);
}

// connect(2) alone; accepted and closed unmeasured, the client's end first.
uint64_t Connect(int fd, const void* address, socklen_t size, int listener) {
  const uint64_t began = __rdtsc();
  if (connect(fd, static_cast<const sockaddr*>(address), size) != 0) Stop("connect");
  const uint64_t took = __rdtsc() - began;
  const int server = accept(listener, nullptr, nullptr);
  close(fd);
  close(server);
  return took;
}

uint64_t ConnectTo(const char* path, int listener) {
  sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = {}};
  strncpy(address.sun_path, path, sizeof address.sun_path - 1);
  return Connect(socket(AF_UNIX, SOCK_STREAM, 0), &address, sizeof address, listener);
}

struct Port {
  sockaddr_in address = {.sin_family = AF_INET, .sin_port = 0, .sin_addr = {htonl(INADDR_LOOPBACK)}, .sin_zero = {}};

  // Any, then always the same.
  int Bound() {
    const int fd = socket(AF_INET, SOCK_STREAM, 0), yes = 1;
    socklen_t size = sizeof address;
    auto* any = reinterpret_cast<sockaddr*>(&address);
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) != 0 || bind(fd, any, size) != 0 || getsockname(fd, any, &size) != 0)
      Stop("binding a TCP port");
    return fd;
  }
};

// From one port to one port, so that no search for a free one is measured: what is reset leaves none that waits.
uint64_t ConnectFrom(Port& own, const Port& other, int listener) {
  const linger reset = {.l_onoff = 1, .l_linger = 0};
  const int fd = own.Bound();
  setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
  return Connect(fd, &other.address, sizeof other.address, listener);
}

template <typename Call>
uint64_t Count(Call call) {
  const uint64_t began = __rdtsc();
  call();
  return __rdtsc() - began;
}

void Spawn() {
  const pid_t child = vfork();
  if (child == 0) {
    execl("/proc/self/exe", "nothing", nullptr);
    _exit(1);
  }
  waitpid(child, nullptr, 0);
}

}  // namespace

int main(int count, char** arguments) {
  if (count == 1) return 0;  // what Spawn executes
  if (count != 4) return 2;
  const int guarded = Listen(arguments[1]), ruled = Listen(arguments[2]), other = Listen(arguments[3]);
  printf("ready\n");
  fflush(stdout);
  if (getchar() == EOF) return 3;  // until the guard knows the socket
  const pid_t child = fork();
  if (child != 0) {
    int status = 0;
    waitpid(child, &status, 0);
    return status != 0;
  }
  // Nobody in between: whom an operation wakes runs once it has been counted.
  const sched_param first = {.sched_priority = 50};
  if (sched_setscheduler(0, SCHED_FIFO, &first) != 0) Stop("sched_setscheduler");
  int pair[2];
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0) Stop("socketpair");
  const int file = open("/proc/self/exe", O_RDONLY);
  char byte = 'x';
  Tell("guarded_connect", [&] { return ConnectTo(arguments[1], guarded); });
  Tell("ruled_connect", [&] { return ConnectTo(arguments[2], ruled); });
  Tell("other_connect", [&] { return ConnectTo(arguments[3], other); });
  Port own, port;
  const int server = port.Bound();
  if (listen(server, 64) != 0) Stop("listen");
  Tell("other_tcp_connect", [&] { return ConnectFrom(own, port, server); });
  Tell("send_receive", [&] {
    return Count([&] {
      if (send(pair[0], &byte, 1, 0) != 1 || recv(pair[1], &byte, 1, 0) != 1) Stop("send");
    });
  });
  Tell("pread", [&] { return Count([&] { (void)!pread(file, &byte, 1, 0); }); });
  Tell("getppid", [] { return Count([] { syscall(SYS_getppid); }); });
  Tell("vfork_exec_wait", [] { return Count(Spawn); }, kSpawnRounds);
  return 0;
}
