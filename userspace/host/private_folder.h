// A folder that no name leads to: a filesystem in memory that is mounted nowhere and ends with this process, however
// that ends. What lies in it is seen by nobody but us and the children that inherit it.
// Not thread-safe; move it.
#ifndef BELFRY_HOST_PRIVATE_FOLDER_H_
#define BELFRY_HOST_PRIVATE_FOLDER_H_

#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "kit/owned_fd.h"

namespace belfry::host {

class PrivateFolder {
 public:
  // PermissionDenied without CAP_SYS_ADMIN.
  static absl::StatusOr<PrivateFolder> Make();

  int fd() const { return folder_.get(); }
  std::string path() const;  // through our own descriptor: good in this process and its forks only

 private:
  PrivateFolder(kit::OwnedFd mount, kit::OwnedFd folder) : mount_(std::move(mount)), folder_(std::move(folder)) {}

  kit::OwnedFd mount_;  // closing it ends the mount
  kit::OwnedFd folder_;
};

}  // namespace belfry::host

#endif  // BELFRY_HOST_PRIVATE_FOLDER_H_
