/* The workload that the registration entry names: its path and digest are what impostors want to be taken for.
 *
 *   trusted sleep                    lives until killed
 *   trusted fetch SOCKET REQUEST     one connection, one request; what comes back goes to stdout
 *   trusted again SOCKET REQUEST     fetches, and whenever the connection ends, again; one line on stdout per connection:
 *                                    "served BYTES" or "empty ERRNO", and a last "ended" on SIGTERM
 */
#include "relay.h"

#include <poll.h>
#include <time.h>

static volatile sig_atomic_t stopping;
static void stop(int signal_number) {
  (void)signal_number;
  stopping = 1;
}

/* A response with an SVID in it is far larger than HTTP/2's own frames and an error's trailers. */
enum { kSmallestSvid = 600 };

static int fetch_again(const char* socket_path, const char* request_path) {
  char request[4096], bytes[65536];
  size_t request_size = load_request(request_path, request, sizeof(request));
  struct sigaction action = {.sa_handler = stop};
  sigaction(SIGTERM, &action, NULL);
  setvbuf(stdout, NULL, _IOLBF, 0);
  while (!stopping) {
    int fd = try_dial(socket_path);
    if (fd < 0) {  /* nobody listens just now: not a connection */
      nanosleep(&(struct timespec){.tv_nsec = 20 * 1000 * 1000}, NULL);
      continue;
    }
    size_t total = 0;
    int cause = 0, said = 0;
    if (send(fd, request, request_size, MSG_NOSIGNAL) != (ssize_t)request_size) cause = errno;
    while (!cause && !stopping) {
      ssize_t got = read(fd, bytes, sizeof(bytes));
      if (got < 0 && errno != EINTR) cause = errno;
      if (got == 0) break;
      if (got > 0) total += (size_t)got;
      if (!said && total >= kSmallestSvid) {
        printf("served %zu\n", total);
        said = 1;
      }
    }
    close(fd);
    if (!said && !stopping) {
      printf("empty %zu %d\n", total, cause);
      nanosleep(&(struct timespec){.tv_nsec = 50 * 1000 * 1000}, NULL);
    }
  }
  printf("ended\n");
  return 0;
}

int main(int argc, char** argv) {
  if (argc == 2 && strcmp(argv[1], "sleep") == 0) {
    for (;;) pause();
  }
  if (argc == 4 && strcmp(argv[1], "fetch") == 0) return relay(dial(argv[2]), argv[3]);
  if (argc == 4 && strcmp(argv[1], "again") == 0) return fetch_again(argv[2], argv[3]);
  fprintf(stderr, "usage: trusted sleep | fetch SOCKET REQUEST | again SOCKET REQUEST\n");
  return 64;
}
