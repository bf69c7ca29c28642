// What a cgroup's number means: its path, and what the names on that path say of unit, container and pod.
//
// A name is the word of whoever made the cgroup. What stands below a user's own service manager was made by that user and
// is nobody's proof: unit is then the user's manager, container and pod are absent. Nor is a name proof below a directory
// that others than root may write to: `anchored` says how deep names are root's.
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
  // Components of the path, from the first on: up to that which names unit, container and pod (0: none does), and those
  // that only root could name, since each directory down to it is root's alone to write to.
  size_t unit_depth = 0, container_depth = 0, pod_depth = 0;
  size_t anchored = 0;
};

Home HomeOf(std::string_view cgroup_path);

class Cgroups {
 public:
  Cgroups();  // where this machine has cgroup v2 now; without it nothing is known

  // Never null; empty fields where the cgroup is gone or out of our sight. Remembered: a number is never used again.
  std::shared_ptr<const Home> Find(uint64_t id);

 private:
  std::string PathOf(uint64_t id) const;
  size_t Anchored(std::string_view path) const;

  std::string mount_point_;
  kit::OwnedFd root_;
  absl::flat_hash_map<uint64_t, std::shared_ptr<const Home>> known_;
};

}  // namespace belfry::host

#endif  // BELFRY_HOST_CGROUPS_H_
