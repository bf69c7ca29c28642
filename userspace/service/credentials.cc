#include "service/credentials.h"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

#include "kit/error.h"

#ifndef SO_PEERGROUPS
#define SO_PEERGROUPS 59
#endif

namespace belfry::service {

absl::StatusOr<Credentials> ReadCredentials(int fd) {
  ucred cred{};
  socklen_t size = sizeof(cred);
  if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &size) != 0) return kit::ErrnoError("asking who connected");
  Credentials who{{.tgid = static_cast<uint32_t>(cred.pid), .uid = cred.uid, .gid = cred.gid}, {}};
  socklen_t bytes = 64 * sizeof(gid_t);
  do {  // ERANGE: the kernel wrote the size it needs
    who.groups.resize(bytes / sizeof(gid_t));
    if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, who.groups.data(), &bytes) == 0) {
      who.groups.resize(bytes / sizeof(gid_t));
      return who;
    }
  } while (errno == ERANGE);
  who.groups.clear();  // the effective group decides alone
  return who;
}

bool IsRootOrMember(const Credentials& who, std::optional<gid_t> group) {
  if (who.peer.uid == 0) return true;
  return group && (who.peer.gid == *group || std::ranges::count(who.groups, *group) > 0);
}

}  // namespace belfry::service
