// Cleans up after a demo that was killed: the last one to leave.
#include <dirent.h>
#include <signal.h>
#include <sys/mount.h>
#include <unistd.h>

#include <filesystem>

#include "demo/actor/roles.h"

namespace belfry::demo {

int PlayJanitor(int lifeline, const std::string& folder) {
  for (int one : {SIGINT, SIGTERM, SIGHUP}) signal(one, SIG_IGN);  // a terminal's Ctrl-C reaches the whole group
  char byte;
  while (read(lifeline, &byte, 1) > 0) {
  }
  umount2((folder + "/slow").c_str(), MNT_FORCE | MNT_DETACH);
  std::error_code ignored;  // already gone after a clean end
  for (int attempt = 0; attempt < 50 && std::filesystem::exists(folder, ignored); ++attempt) {
    std::filesystem::remove_all(folder, ignored);  // again: the demo's children may still be writing while they die
    usleep(20000);
  }
  return 0;
}

}  // namespace belfry::demo
