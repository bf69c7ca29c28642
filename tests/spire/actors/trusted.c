/* The workload that the registration entry names: its path and digest are what impostors want to be taken for.
 *
 *   trusted sleep                    lives until killed
 *   trusted fetch SOCKET REQUEST     one connection, one request; what comes back goes to stdout
 *   trusted again SOCKET REQUEST     fetches, and whenever the connection ends, again; one line on stdout per connection:
 *                                    "served BYTES" once, or how else it ended: "refused BYTES" (a status, and no SVID) or
 *                                    "empty BYTES ERRNO"; a last "ended" on SIGTERM. Leaves whoever refuses it
 *   trusted many SOCKET REQUEST COUNT  the same for COUNT connections, each left as soon as it was served
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

/* Trailers: a HEADERS frame that ends its stream. `bytes` begins at the start of the connection. */
static int has_trailers(const unsigned char* bytes, size_t size) {
  enum { kHeader = 9, kTypeHeaders = 1, kEndStream = 1 };
  for (size_t at = 0; at + kHeader <= size;) {
    if (bytes[at + 3] == kTypeHeaders && (bytes[at + 4] & kEndStream)) return 1;
    at += kHeader + ((size_t)bytes[at] << 16 | (size_t)bytes[at + 1] << 8 | bytes[at + 2]);
  }
  return 0;
}

/* One connection, read until its end or until it was refused; `leave`: or until it was served. False if nobody listens
 * just now. */
static int fetch(const char* socket_path, const char* request, size_t request_size, int leave) {
  static unsigned char bytes[65536];
  int fd = try_dial(socket_path), cause = 0, served = 0, refused = 0;
  size_t total = 0;
  if (fd < 0) return 0;
  if (send(fd, request, request_size, MSG_NOSIGNAL) != (ssize_t)request_size) cause = errno;
  while (!cause && !stopping && !refused && !(leave && served)) {
    size_t kept = served ? 0 : total; /* once served, what follows only has to be read away */
    ssize_t got = read(fd, bytes + kept, sizeof(bytes) - kept);
    if (got < 0 && errno != EINTR) cause = errno;
    if (got == 0) break;
    if (got > 0) total += (size_t)got;
    if (!served && total >= kSmallestSvid) {
      printf("served %zu\n", total);
      served = 1;
    }
    refused = !served && has_trailers(bytes, total);
  }
  close(fd);
  if (!served && !stopping) printf(refused ? "refused %zu\n" : "empty %zu %d\n", total, cause);
  if (!served) nanosleep(&(struct timespec){.tv_nsec = 200 * 1000 * 1000}, NULL);
  return 1;
}

static int fetch_again(const char* socket_path, const char* request_path, long count) {
  char request[4096];
  size_t request_size = load_request(request_path, request, sizeof(request));
  struct sigaction action = {.sa_handler = stop};
  sigaction(SIGTERM, &action, NULL);
  setvbuf(stdout, NULL, _IOLBF, 0);
  for (long done = 0; !stopping && (count == 0 || done < count);) {
    if (fetch(socket_path, request, request_size, count != 0)) done++;
    else nanosleep(&(struct timespec){.tv_nsec = 20 * 1000 * 1000}, NULL);
  }
  printf("ended\n");
  return 0;
}

int main(int argc, char** argv) {
  if (argc == 2 && strcmp(argv[1], "sleep") == 0) {
    for (;;) pause();
  }
  if (argc == 4 && strcmp(argv[1], "fetch") == 0) return relay(dial(argv[2]), argv[3]);
  if (argc == 4 && strcmp(argv[1], "again") == 0) return fetch_again(argv[2], argv[3], 0);
  if (argc == 5 && strcmp(argv[1], "many") == 0) return fetch_again(argv[2], argv[3], atol(argv[4]));
  fprintf(stderr, "usage: trusted sleep | fetch SOCKET REQUEST | again SOCKET REQUEST | many SOCKET REQUEST COUNT\n");
  return 64;
}
