// What is mounted where, and what a path is within its own filesystem: the name by which the kernel part recognises a
// guarded socket, whatever bind mount, symlink or chroot it is reached through.
//
// Thread-safe functions; MountWatch is not. Opening a directory can block for ever on a filesystem in userspace.
// Source: /proc/self/mountinfo (proc(5)): as seen from this process's root and mount namespace.
#ifndef BELFRY_HOST_MOUNTS_H_
#define BELFRY_HOST_MOUNTS_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "kit/owned_fd.h"

namespace belfry::host {

struct Mount {
  int id = 0;
  int parent = 0;
  uint32_t dev = 0;         // the kernel's s_dev: major << 20 | minor
  std::string root;         // the directory of the filesystem that is mounted here
  std::string mount_point;  // as seen from our root
  std::string type;         // "ext4", "cgroup2", ...
};

// Lines that are not as proc(5) says make the whole text InvalidArgument.
absl::StatusOr<std::vector<Mount>> ParseMountinfo(std::string_view text);
absl::StatusOr<std::vector<Mount>> ReadMounts();

// Where a name is, or will be, by its filesystem. Every string is absolute or empty, without "." or "..".
struct NamePlace {
  kit::OwnedFd directory;  // O_PATH: the deepest directory on the way that exists
  uint32_t dev = 0;        // s_dev of its filesystem
  std::string inside;      // its path within that filesystem: "/spire/agent/public"; "/" for its root
  std::string missing;     // directories below it that do not exist yet: "/agent/public"; empty if none is missing
  std::string leaf;        // the last component of the name: "api.sock"

  // "/spire/agent/public/api.sock": what kernel::GuardedName wants, while `missing` is made on the same filesystem.
  std::string NameInside() const;
};

// `path` is absolute; its last component need not exist and is not followed, the way to it is (realpath(3)).
// InvalidArgument: not absolute, no last component, ".." below a missing directory. FailedPrecondition: something on
// the way is not a directory, or too many symbolic links. NotFound: the directory was removed, or its mount is out of
// reach.
absl::StatusOr<NamePlace> PlaceOf(const std::string& path);

// Tells that mounts changed, so that names must be resolved anew.
class MountWatch {
 public:
  static absl::StatusOr<MountWatch> Open();

  int fd() const { return fd_.get(); }  // for poll: POLLPRI when mounts changed
  bool Changed();                       // since the last call, or since Open

 private:
  explicit MountWatch(kit::OwnedFd fd) : fd_(std::move(fd)) {}
  kit::OwnedFd fd_;
};

}  // namespace belfry::host

#endif  // BELFRY_HOST_MOUNTS_H_
