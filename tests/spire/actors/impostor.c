/* Wants the identity of a program that it is not. In each scene the opener connects, somebody else gets hold of its
 * descriptor, the opener execs the trusted program, and only then is the request sent.
 *
 *   impostor exec-swap   SOCKET REQUEST TRUSTED   a forked child keeps the descriptor
 *   impostor scm-rights  SOCKET REQUEST TRUSTED   the descriptor is sent to an accomplice in a message
 *   impostor pidfd-getfd SOCKET REQUEST TRUSTED   an accomplice takes the descriptor out of the opener
 *   impostor plain       SOCKET REQUEST TRUSTED   pretends nothing
 *   impostor kept        SOCKET REQUEST TRUSTED   as exec-swap, but says "ready" and waits for a byte on stdin first
 *
 * Stdout: what the agent answered. Stderr: "opener PID", and last how the connection ended, or end=transfer:WHY if its
 * descriptor did not arrive.
 */
#include "relay.h"

#include <limits.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

static const char *socket_path, *request_path, *trusted_path;

static void become_trusted(void) {
  close(1);  /* the test reads stdout until its last holder, the one with the connection, is done */
  execl(trusted_path, trusted_path, "sleep", (char*)NULL);
  die("exec trusted");
}

/* The swap is complete when /proc says so: that is what stock SPIRE reads. */
static void await_swap(pid_t opener) {
  char link[64], target[PATH_MAX];
  snprintf(link, sizeof(link), "/proc/%d/exe", opener);
  for (;;) {
    ssize_t size = readlink(link, target, sizeof(target) - 1);
    if (size < 0 && errno != EACCES) die("opener is gone");
    if (size > 0) {
      target[size] = 0;
      if (strcmp(target, trusted_path) == 0) break;
    }
    nanosleep(&(struct timespec){.tv_nsec = 1000 * 1000}, NULL);
  }
  fprintf(stderr, "opener %d\n", opener);
}

static void send_descriptor(int channel, int fd) {
  char control[CMSG_SPACE(sizeof(int))] = {0}, byte = 'x';
  struct iovec part = {&byte, 1};
  struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)};
  struct cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof(int));
  memcpy(CMSG_DATA(header), &fd, sizeof(int));
  if (sendmsg(channel, &message, 0) != 1) die("send descriptor");
}

/* -1: the message arrived without it. */
static int receive_descriptor(int channel) {
  char control[CMSG_SPACE(sizeof(int))], byte;
  struct iovec part = {&byte, 1};
  struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)};
  if (recvmsg(channel, &message, 0) != 1) die("receive descriptor");
  if (!CMSG_FIRSTHDR(&message)) return -1;
  int fd;
  memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(int));
  return fd;
}

static int kept_out(const char* why) {
  fprintf(stderr, "end=transfer:%s\n", why);
  return 0;
}

static int exec_swap(int wait_for_byte) {
  pid_t opener = getpid();
  int fd = dial(socket_path);
  pid_t child = fork();
  if (child < 0) die("fork");
  if (child > 0) become_trusted();
  await_swap(opener);
  if (wait_for_byte) {
    char byte;
    fprintf(stderr, "ready\n");
    if (read(0, &byte, 1) != 1) return 0;
  }
  return relay(fd, request_path);
}

static int scm_rights(void) {
  int channel[2];
  pid_t opener = getpid();
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, channel) != 0) die("socketpair");
  pid_t accomplice = fork();  /* before the connect: it inherits nothing */
  if (accomplice < 0) die("fork");
  if (accomplice > 0) {
    send_descriptor(channel[0], dial(socket_path));
    for (int fd = 3; fd < 64; fd++) close(fd);  /* the opener itself keeps nothing */
    become_trusted();
  }
  int fd = receive_descriptor(channel[1]);
  await_swap(opener);
  return fd < 0 ? kept_out("dropped") : relay(fd, request_path);
}

static int pidfd_getfd_scene(void) {
  int to_accomplice[2], to_opener[2], number;
  if (pipe2(to_accomplice, O_CLOEXEC) != 0 || pipe2(to_opener, O_CLOEXEC) != 0) die("pipe");
  pid_t opener = fork();  /* a child, so that Yama's default lets the accomplice in */
  if (opener < 0) die("fork");
  if (opener == 0) {
    char byte;
    int fd = dial(socket_path);
    fcntl(fd, F_SETFD, FD_CLOEXEC);
    if (write(to_accomplice[1], &fd, sizeof(fd)) != sizeof(fd)) die("write");
    if (read(to_opener[0], &byte, 1) != 1) die("read");
    become_trusted();
  }
  if (read(to_accomplice[0], &number, sizeof(number)) != sizeof(number)) die("read");
  int pidfd = (int)syscall(SYS_pidfd_open, opener, 0);
  if (pidfd < 0) die("pidfd_open");
  int fd = (int)syscall(SYS_pidfd_getfd, pidfd, number, 0), cause = errno;
  if (write(to_opener[1], "g", 1) != 1) die("write");
  await_swap(opener);
  return fd < 0 ? kept_out(strerror(cause)) : relay(fd, request_path);
}

int main(int argc, char** argv) {
  if (argc != 5) {
    fprintf(stderr, "usage: impostor plain|exec-swap|scm-rights|pidfd-getfd|kept SOCKET REQUEST TRUSTED\n");
    return 64;
  }
  socket_path = argv[2];
  request_path = argv[3];
  trusted_path = argv[4];
  if (strcmp(argv[1], "plain") == 0) return relay(dial(socket_path), request_path);
  if (strcmp(argv[1], "exec-swap") == 0) return exec_swap(0);
  if (strcmp(argv[1], "kept") == 0) return exec_swap(1);
  if (strcmp(argv[1], "scm-rights") == 0) return scm_rights();
  if (strcmp(argv[1], "pidfd-getfd") == 0) return pidfd_getfd_scene();
  return 64;
}
