#include "host/private_folder.h"

#include <fcntl.h>
#include <sys/mount.h>

#include "absl/strings/str_cat.h"
#include "kit/error.h"

namespace belfry::host {
namespace {

constexpr char kDoing[] = "making a folder of our own in memory";

}  // namespace

absl::StatusOr<PrivateFolder> PrivateFolder::Make() {
  const kit::OwnedFd filesystem(fsopen("tmpfs", FSOPEN_CLOEXEC));
  if (!filesystem || fsconfig(filesystem.get(), FSCONFIG_SET_STRING, "mode", "0700", 0) != 0 ||
      fsconfig(filesystem.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) != 0)
    return kit::ErrnoError(kDoing, "be root (CAP_SYS_ADMIN)");
  kit::OwnedFd mount(fsmount(filesystem.get(), FSMOUNT_CLOEXEC, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC));
  if (!mount) return kit::ErrnoError(kDoing, "be root (CAP_SYS_ADMIN)");
  kit::OwnedFd folder(openat(mount.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder) return kit::ErrnoError(kDoing);
  return PrivateFolder(std::move(mount), std::move(folder));
}

std::string PrivateFolder::path() const { return absl::StrCat("/proc/self/fd/", folder_.get()); }

}  // namespace belfry::host
