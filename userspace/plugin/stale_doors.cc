#include "plugin/stale_doors.h"

#include <dirent.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <ctime>
#include <memory>

#include "absl/strings/match.h"
#include "kit/owned_fd.h"

namespace belfry::plugin {
namespace {

bool IsOursAndOld(const std::string& folder, std::chrono::seconds age) {
  struct stat at {};
  return lstat(folder.c_str(), &at) == 0 && S_ISDIR(at.st_mode) && at.st_uid == geteuid() &&
         time(nullptr) - at.st_mtime >= age.count();
}

bool NobodyListens(const std::string& path) {
  sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
  if (path.size() >= sizeof address.sun_path) return false;
  memcpy(address.sun_path, path.c_str(), path.size());
  const kit::OwnedFd probe(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  return probe && connect(probe.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 &&
         (errno == ECONNREFUSED || errno == ENOENT);
}

}  // namespace

void RemoveStaleDoors(const std::string& socket_dir, std::chrono::seconds age) {
  const std::unique_ptr<DIR, int (*)(DIR*)> entries(opendir(socket_dir.c_str()), closedir);
  if (entries == nullptr) return;
  while (const dirent* entry = readdir(entries.get())) {
    if (!absl::StartsWith(entry->d_name, kDoorPrefix)) continue;
    const std::string folder = socket_dir + "/" + entry->d_name;
    if (!IsOursAndOld(folder, age) || !NobodyListens(folder + "/s")) continue;
    unlink((folder + "/s").c_str());
    rmdir(folder.c_str());
  }
}

}  // namespace belfry::plugin
