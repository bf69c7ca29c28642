#include "service/listener.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "kit/error.h"

namespace belfry::service {
namespace {

// Backlog of connections that wait for the gate's thread; beyond it the kernel answers EAGAIN.
constexpr int kBacklog = 512;

absl::StatusOr<sockaddr_un> Address(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof(address.sun_path)) {
    return kit::Error(
        absl::StatusCode::kInvalidArgument, absl::StrCat("listening on ", path),
        absl::StrCat("a socket path has 1 to ", sizeof(address.sun_path) - 1, " bytes, this one ", path.size()),
        "choose a shorter run_dir");
  }
  memcpy(address.sun_path, path.data(), path.size());
  return address;
}

// Removes a socket file that nobody serves any more; refuses to touch anything else.
absl::Status ClearStale(const std::string& path, const sockaddr_un& address) {
  struct stat found;
  if (lstat(path.c_str(), &found) != 0) {
    return errno == ENOENT ? absl::OkStatus() : kit::ErrnoError(absl::StrCat("looking at ", path));
  }
  if (!S_ISSOCK(found.st_mode)) {
    return kit::Error(absl::StatusCode::kInvalidArgument, absl::StrCat("listening on ", path),
                      "something that is no socket is in the way", "remove it");
  }
  kit::OwnedFd probe(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!probe) return kit::ErrnoError("opening a socket");
  const int connected = connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address));
  if (connected == 0 || errno != ECONNREFUSED) {  // EAGAIN: alive with a full backlog
    return kit::Error(absl::StatusCode::kAlreadyExists, absl::StrCat("listening on ", path),
                      "another process serves it", "stop the other belfryd, or name another path (run_dir, metrics)");
  }
  if (unlink(path.c_str()) != 0) return kit::ErrnoError(absl::StrCat("removing the stale socket ", path));
  return absl::OkStatus();
}

}  // namespace

Listener::Listener(kit::OwnedFd fd, std::string path, bool made, dev_t dev, ino_t ino)
    : fd_(std::move(fd)), path_(std::move(path)), made_(made), dev_(dev), ino_(ino) {}

Listener::Listener(Listener&& other) noexcept
    : fd_(std::move(other.fd_)),
      path_(std::move(other.path_)),
      made_(std::exchange(other.made_, false)),
      dev_(other.dev_),
      ino_(other.ino_) {}

Listener::~Listener() {
  struct stat now;
  if (made_ && lstat(path_.c_str(), &now) == 0 && now.st_dev == dev_ && now.st_ino == ino_) unlink(path_.c_str());
}

absl::StatusOr<Listener> Listener::Make(const std::string& path, mode_t mode, gid_t gid) {
  absl::StatusOr<sockaddr_un> address = Address(path);
  if (!address.ok()) return address.status();
  if (absl::Status cleared = ClearStale(path, *address); !cleared.ok()) return cleared;
  kit::OwnedFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) return kit::ErrnoError("opening a socket");
  if (bind(fd.get(), reinterpret_cast<const sockaddr*>(&*address), sizeof(*address)) != 0) {
    return kit::ErrnoError(absl::StrCat("binding ", path), "make its folder, or name another path (run_dir, metrics)");
  }
  struct stat bound;
  if (lstat(path.c_str(), &bound) != 0) return kit::ErrnoError(absl::StrCat("looking at ", path));
  Listener listener(std::move(fd), path, true, bound.st_dev, bound.st_ino);
  if (chown(path.c_str(), static_cast<uid_t>(-1), gid) != 0) {
    return kit::ErrnoError(absl::StrCat("giving ", path, " to group ", gid));
  }
  if (chmod(path.c_str(), mode) != 0) return kit::ErrnoError(absl::StrCat("setting the mode of ", path));
  if (listen(listener.fd(), kBacklog) != 0) return kit::ErrnoError(absl::StrCat("listening on ", path));
  return listener;
}

absl::StatusOr<Listener> Listener::Adopt(kit::OwnedFd fd) {
  sockaddr_un address{};
  socklen_t size = sizeof(address);
  int listening = 0;
  socklen_t word = sizeof(listening);
  int type = 0;
  if (getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &size) != 0 ||
      getsockopt(fd.get(), SOL_SOCKET, SO_ACCEPTCONN, &listening, &word) != 0 ||
      getsockopt(fd.get(), SOL_SOCKET, SO_TYPE, &type, &word) != 0) {
    return kit::ErrnoError("adopting a socket from the service manager");
  }
  if (address.sun_family != AF_UNIX || type != SOCK_STREAM || !listening) {
    return kit::Error(absl::StatusCode::kInvalidArgument, "adopting a socket from the service manager",
                      "it is not a listening unix stream socket",
                      "use ListenStream=/run/belfry/... in the .socket unit");
  }
  if (fcntl(fd.get(), F_SETFL, fcntl(fd.get(), F_GETFL) | O_NONBLOCK) != 0 ||
      fcntl(fd.get(), F_SETFD, FD_CLOEXEC) != 0) {
    return kit::ErrnoError("setting up an adopted socket");
  }
  const size_t bytes = size > offsetof(sockaddr_un, sun_path) ? size - offsetof(sockaddr_un, sun_path) : 0;
  std::string path(address.sun_path, strnlen(address.sun_path, bytes));
  return Listener(std::move(fd), std::move(path), false, 0, 0);
}

}  // namespace belfry::service
