/* One process of a certain kind that is to be attested. It connects to every socket that it is given, says "ready PID"
 * and lives until its stdin ends.
 *
 *   subject [shebang FILE] KIND SOCKET...
 */
#include "relay.h"

#include <pthread.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

static char** sockets;

static void dial_all(void) {
  for (char** path = sockets; *path; path++) dial(*path);
}

static void stay(pid_t pid) {
  char byte;
  printf("ready %d\n", pid);
  fflush(stdout);
  while (read(0, &byte, 1) > 0) continue;
}

static void* idle(void* unused) {
  for (;;) pause();
  return unused;
}

static void plain(void) {
  dial_all();
  stay(getpid());
}

static void threads(void) {
  pthread_t thread;
  for (int i = 0; i < 50; i++) {
    if (pthread_create(&thread, NULL, idle, NULL) != 0) die("pthread_create");
  }
  plain();
}

static void* outlive_leader(void* unused) {
  char path[64], line[256];
  snprintf(path, sizeof(path), "/proc/self/task/%d/stat", getpid());
  for (;;) {  /* "PID (comm) S": the leader has to be a zombie before anybody judges */
    int file = open(path, O_RDONLY);
    ssize_t size = read(file, line, sizeof(line) - 1);
    close(file);
    if (size <= 0) die("read stat");
    line[size] = 0;
    if (strstr(line, ") Z ")) break;
    nanosleep(&(struct timespec){.tv_nsec = 1000 * 1000}, NULL);
  }
  stay(getpid());
  _exit(0);
  return unused;
}

static void leader_exited(void) {
  pthread_t thread;
  dial_all();
  if (pthread_create(&thread, NULL, outlive_leader, NULL) != 0) die("pthread_create");
  syscall(SYS_exit, 0);
}

static void non_dumpable(void) {
  if (prctl(PR_SET_DUMPABLE, 0) != 0) die("PR_SET_DUMPABLE");
  plain();
}

/* Real and saved ids stay root's; what counts is the effective one. */
static void effective_only(void) {
  if (setegid(65534) != 0 || seteuid(65534) != 0) die("seteuid");
  plain();
}

/* The opener is dead and nobody has waited for it; its descriptors live on in a child. */
static void zombie(void) {
  pid_t opener = fork();
  if (opener < 0) die("fork");
  if (opener == 0) {
    dial_all();
    if (fork() == 0) {
      char byte;
      while (read(0, &byte, 1) > 0) continue;
    }
    _exit(0);
  }
  siginfo_t info;
  if (waitid(P_PID, (id_t)opener, &info, WEXITED | WNOWAIT) != 0) die("waitid");
  stay(opener);
}

/* The kernel makes it with mode 0777: whoever reaches it through /proc may write to it. */
static void from_memfd(char** argv, mode_t mode) {
  int self = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
  int copy = (int)syscall(SYS_memfd_create, "subject", 0);
  struct stat facts;
  if (self < 0 || copy < 0 || fstat(self, &facts) != 0 || fchmod(copy, mode) != 0) die("memfd");
  for (off_t done = 0; done < facts.st_size;) {
    if (sendfile(copy, self, &done, (size_t)(facts.st_size - done)) <= 0) die("sendfile");
  }
  fcntl(copy, F_SETFD, FD_CLOEXEC);
  argv[1] = "plain";
  fexecve(copy, argv, environ);
  die("fexecve");
}

static const struct {
  const char* name;
  void (*be)(void);
} kinds[] = {
    {"plain", plain},   {"threads", threads},           {"leader_exited", leader_exited},
    {"zombie", zombie}, {"non_dumpable", non_dumpable}, {"effective_only", effective_only},
};

int main(int argc, char** argv) {
  if (argc > 3 && strcmp(argv[1], "shebang") == 0) {
    argv += 2;
    argc -= 2;
  }
  if (argc < 2) return 64;
  sockets = argv + 2;
  if (strcmp(argv[1], "memfd") == 0) from_memfd(argv, 0755);
  if (strcmp(argv[1], "open_memfd") == 0) from_memfd(argv, 0777);
  for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
    if (strcmp(argv[1], kinds[i].name) == 0) {
      kinds[i].be();
      return 0;
    }
  }
  return 64;
}
