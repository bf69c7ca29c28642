// rules_client FOLDER COUNT: connects once to each of FOLDER/0 ... FOLDER/COUNT-1; whom a rule refuses goes on.
// Linked statically: it runs from copies, in namespaces where nothing else is.
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>

int main(int count, char** arguments) {
  if (count != 3) return 2;
  for (int i = 0; i < atoi(arguments[2]); ++i) {
    sockaddr_un address = {};
    address.sun_family = AF_UNIX;
    snprintf(address.sun_path, sizeof address.sun_path, "%s/%d", arguments[1], i);
    const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    if (fd < 0) return 3;
    if (connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 && errno != EACCES) return 4;
    close(fd);
  }
  return 0;
}
