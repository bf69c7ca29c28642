// A listening unix stream socket: made here with its final mode and owner, or adopted from the service manager.
//
// Errors: AlreadyExists when someone serves the path, InvalidArgument when the path is too long or not a socket.
// Nobody can connect before mode and owner are final: they are set between bind(2) and listen(2).
// Not thread-safe. The socket file goes with the Listener, unless it was adopted or is no longer the one we bound.
#ifndef BELFRY_SERVICE_LISTENER_H_
#define BELFRY_SERVICE_LISTENER_H_

#include <sys/types.h>

#include <string>

#include "absl/status/statusor.h"
#include "kit/owned_fd.h"

namespace belfry::service {

class Listener {
 public:
  // gid -1: the group of the process.
  static absl::StatusOr<Listener> Make(const std::string& path, mode_t mode, gid_t gid);
  // `fd` must be a listening unix stream socket.
  static absl::StatusOr<Listener> Adopt(kit::OwnedFd fd);

  Listener(Listener&& other) noexcept;
  Listener& operator=(Listener&&) = delete;
  ~Listener();

  int fd() const { return fd_.get(); }
  const std::string& path() const { return path_; }

 private:
  Listener(kit::OwnedFd fd, std::string path, bool made, dev_t dev, ino_t ino);

  kit::OwnedFd fd_;
  std::string path_;
  bool made_;  // the file is ours to remove, if it still is (dev_, ino_)
  dev_t dev_;
  ino_t ino_;
};

}  // namespace belfry::service

#endif  // BELFRY_SERVICE_LISTENER_H_
