/* Opens a stream honestly and asks on it; what is sent to it goes to stdout. On a byte on stdin it reads away what has
 * come, leaves the descriptor to a forked child that touches nothing, and falls:
 *
 *   leaver exec SOCKET REQUEST   execs itself, as "leaver sleep"
 *   leaver exit SOCKET REQUEST
 *
 * The child waits for something to happen on the connection and takes it by splice(2), which nothing refuses. Stderr:
 * "fallen" when the opener has, "carried BYTES" each time that something came, and last end=eof or end=ERROR.
 */
#include "relay.h"

#include <poll.h>

enum { kRoom = 65536 };
static char bytes[kRoom];

static void pass_on(int fd, int flags) {
  ssize_t got;
  while ((got = recv(fd, bytes, sizeof(bytes), flags)) > 0) {
    if (write(1, bytes, (size_t)got) != got) die("write");
    if (!flags) return;
  }
  if (flags && got < 0 && errno == EAGAIN) return;
  fprintf(stderr, "end=%s\n", got == 0 ? "eof" : strerror(errno));
  _exit(0);
}

/* The opener's close-on-exec end of `alive` closes when it falls. */
static int watch(int fd, int alive) {
  int tray[2];
  struct pollfd change = {.fd = fd, .events = POLLIN};
  close(1);
  if (pipe(tray) != 0) die("pipe");
  if (read(alive, bytes, 1) != 0) die("read");
  fprintf(stderr, "fallen\n");
  for (;;) {
    if (poll(&change, 1, -1) != 1) die("poll");
    ssize_t got = splice(fd, NULL, tray[1], NULL, kRoom, 0);
    if (got <= 0) {
      fprintf(stderr, "end=%s\n", got == 0 ? "eof" : strerror(errno));
      return 0;
    }
    fprintf(stderr, "carried %zd\n", got);
    while (got > 0) {
      ssize_t gone = read(tray[0], bytes, (size_t)got);
      if (gone <= 0) die("read");
      got -= gone;
    }
  }
}

static int fall(int fd, const char* self, const char* how) {
  int alive[2];
  if (pipe2(alive, O_CLOEXEC) != 0) die("pipe");
  pid_t child = fork();
  if (child < 0) die("fork");
  if (child == 0) {
    close(alive[1]);
    return watch(fd, alive[0]);
  }
  if (strcmp(how, "exit") == 0) return 0;
  close(1); /* the test reads it to its end */
  execl(self, self, "sleep", (char*)NULL);
  die("exec");
  return 70;
}

int main(int argc, char** argv) {
  if (argc == 2 && strcmp(argv[1], "sleep") == 0) {
    for (;;) pause();
  }
  if (argc != 4) {
    fprintf(stderr, "usage: leaver exec|exit SOCKET REQUEST\n");
    return 64;
  }
  int fd = dial(argv[2]);
  size_t size = load_request(argv[3], bytes, sizeof(bytes));
  if (send(fd, bytes, size, MSG_NOSIGNAL) != (ssize_t)size) die("send");
  for (;;) {
    struct pollfd either[2] = {{.fd = fd, .events = POLLIN}, {.fd = 0, .events = POLLIN}};
    if (poll(either, 2, -1) < 1) die("poll");
    if (either[0].revents) pass_on(fd, 0);
    if (either[1].revents && read(0, bytes, 1) == 1) break;
  }
  pass_on(fd, MSG_DONTWAIT);
  return fall(fd, argv[0], argv[1]);
}
