/* What every actor does with an open descriptor of the Workload API: send a prepared request, pass on what comes back. */
#ifndef BELFRY_TESTS_SPIRE_ACTORS_RELAY_H_
#define BELFRY_TESTS_SPIRE_ACTORS_RELAY_H_

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static inline void die(const char* what) {
  fprintf(stderr, "actor: %s: %s\n", what, strerror(errno));
  _exit(70);
}

static inline int try_dial(const char* path) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  if (strlen(path) >= sizeof(address.sun_path)) {
    errno = ENAMETOOLONG;
    return -1;
  }
  strcpy(address.sun_path, path);
  int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  if (fd < 0) return -1;
  if (connect(fd, (struct sockaddr*)&address, sizeof(address)) != 0) {
    int cause = errno;
    close(fd);
    errno = cause;
    return -1;
  }
  return fd;
}

static inline int dial(const char* path) {
  int fd = try_dial(path);
  if (fd < 0) die("connect");
  return fd;
}

/* The bytes of a whole HTTP/2 request, composed by the test. */
static inline size_t load_request(const char* path, char* into, size_t room) {
  int file = open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0) die("open request");
  ssize_t got = read(file, into, room);
  if (got <= 0) die("read request");
  close(file);
  return (size_t)got;
}

/* Ends when the connection does; the last line on stderr says how. */
static inline int relay(int fd, const char* request_path) {
  char bytes[65536];
  signal(SIGPIPE, SIG_IGN);
  size_t size = load_request(request_path, bytes, sizeof(bytes));
  if (send(fd, bytes, size, MSG_NOSIGNAL) != (ssize_t)size) {
    fprintf(stderr, "end=send:%s\n", strerror(errno));
    return 0;
  }
  for (;;) {
    ssize_t got = read(fd, bytes, sizeof(bytes));
    if (got <= 0) {
      fprintf(stderr, "end=%s\n", got == 0 ? "eof" : strerror(errno));
      return 0;
    }
    for (ssize_t done = 0; done < got;) {
      ssize_t wrote = write(1, bytes + done, (size_t)(got - done));
      if (wrote <= 0) return 1;
      done += wrote;
    }
  }
}

#endif
