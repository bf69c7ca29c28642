// What a cgroup's number means: its path, and what the names on that path say of unit, container and pod.
//
// A name is the word of whoever made the cgroup. What stands below a user's own service manager was made by that user and
// is nobody's proof: unit is then the user's manager, container and pod are absent.
// Cgroups is not thread-safe and never blocks: kernfs answers from memory. Source: cgroup v2, as mounted for us.
#ifndef BELFRY_HOST_CGROUPS_H_
#define BELFRY_HOST_CGROUPS_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "absl/container/flat_hash_map.h"
#include "kit/owned_fd.h"

namespace belfry::host {

struct Home {
  std::string cgroup;     // path in the v2 hierarchy: "/system.slice/ssh.service"
  std::string unit;       // of the system's service manager: "ssh.service"
  std::string container;  // id, 64 hex digits
  std::string pod;        // uid
};

Home HomeOf(std::string_view cgroup_path);

class Cgroups {
 public:
  Cgroups();  // where this machine has cgroup v2 now; without it nothing is known

  // Never null; empty fields where the cgroup is gone or out of our sight. Remembered: a number is never used again.
  std::shared_ptr<const Home> Find(uint64_t id);

 private:
  std::string PathOf(uint64_t id) const;

  std::string mount_point_;
  kit::OwnedFd root_;
  absl::flat_hash_map<uint64_t, std::shared_ptr<const Home>> known_;
};

}  // namespace belfry::host

#endif  // BELFRY_HOST_CGROUPS_H_
