/* Makes exactly so many events and says how many it made.
 *
 *   generator exec COUNT PROGRAM     forks and execs PROGRAM, waits for each child
 *   generator connect COUNT SOCKET   connects to its own listening SOCKET, accepts and asks for SO_PEERCRED
 *   generator dial COUNT SOCKET      connects to somebody else's SOCKET, COUNT at a time open
 *
 * One batch per line on stdin (any text); after each the line "made COUNT" on stdout.
 */
#include "relay.h"

#include <sys/wait.h>

enum { kHeldMax = 4096 };

static void make_execs(long count, char* program) {
  for (long i = 0; i < count; i++) {
    pid_t child = fork();
    if (child < 0) die("fork");
    if (child == 0) {
      execl(program, program, (char*)NULL);
      _exit(127);
    }
    int status;
    if (waitpid(child, &status, 0) != child || status != 0) die("child");
  }
}

static int listening;

static void make_connects(long count, const char* path) {
  for (long i = 0; i < count; i++) {
    int client = dial(path), server = accept(listening, NULL, NULL);
    struct ucred peer;
    socklen_t size = sizeof(peer);
    if (server < 0 || getsockopt(server, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) die("accept");
    close(client);
    close(server);
  }
}

static void listen_here(const char* path) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  strncpy(address.sun_path, path, sizeof(address.sun_path) - 1);
  listening = socket(AF_UNIX, SOCK_STREAM, 0);
  if (listening < 0 || bind(listening, (struct sockaddr*)&address, sizeof(address)) != 0 || listen(listening, 128) != 0) die("listen");
}

static void make_dials(long count, const char* path) {
  static int held[kHeldMax];
  if (count > kHeldMax) die("too many");
  for (long i = 0; i < count; i++) held[i] = dial(path);
  for (long i = 0; i < count; i++) close(held[i]);
}

int main(int argc, char** argv) {
  char line[16];
  if (argc != 4) return 64;
  long count = atol(argv[2]);
  if (strcmp(argv[1], "connect") == 0) listen_here(argv[3]);
  while (fgets(line, sizeof(line), stdin)) {
    if (strcmp(argv[1], "exec") == 0) make_execs(count, argv[3]);
    if (strcmp(argv[1], "connect") == 0) make_connects(count, argv[3]);
    if (strcmp(argv[1], "dial") == 0) make_dials(count, argv[3]);
    printf("made %ld\n", count);
    fflush(stdout);
  }
  return 0;
}
