// Who is on the other end of an accepted unix socket, as of its connect(2).
#ifndef BELFRY_SERVICE_CREDENTIALS_H_
#define BELFRY_SERVICE_CREDENTIALS_H_

#include <sys/types.h>

#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "service/questions.h"

namespace belfry::service {

struct Credentials {
  Peer peer;
  std::vector<gid_t> groups;  // supplementary, SO_PEERGROUPS
};

absl::StatusOr<Credentials> ReadCredentials(int fd);

// root, or a member of `group` (effective or supplementary); nullopt: root only.
bool IsRootOrMember(const Credentials& who, std::optional<gid_t> group);

}  // namespace belfry::service

#endif  // BELFRY_SERVICE_CREDENTIALS_H_
