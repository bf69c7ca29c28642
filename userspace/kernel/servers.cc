#include "kernel/servers.h"

#include <bpf/bpf.h>

#include <set>
#include <utility>

#include "kernel/map_keys.h"
#include "kit/error.h"

namespace belfry::kernel {

absl::Status WriteServers(std::span<const GuardServer> servers, int map_fd) {
  std::set<std::pair<uint32_t, uint32_t>> wanted;
  for (const GuardServer& one : servers) {
    const belfry_server_key key = {.guard = one.guard, .tgid = one.server.tgid};
    if (bpf_map_update_elem(map_fd, &key, &one.server.start_ns, BPF_ANY) != 0)
      return kit::ErrnoError("excepting who serves a guard from its limit");
    wanted.emplace(key.guard, key.tgid);
  }
  DeleteUnwanted<belfry_server_key>(map_fd, [&](const belfry_server_key& key) { return wanted.contains({key.guard, key.tgid}); });
  return absl::OkStatus();
}

}  // namespace belfry::kernel
