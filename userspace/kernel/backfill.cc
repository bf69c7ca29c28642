#include "kernel/backfill.h"

#include <bpf/bpf.h>

#include <cstring>
#include <vector>

#include "absl/container/flat_hash_map.h"

namespace belfry::kernel {
namespace {

belfry_process ProcessOf(const belfry_live& live) {
  belfry_process process = {};
  process.pin = live.pin;
  process.creds = live.creds;
  process.cgroup_id = live.cgroup_id;
  process.parent_tgid = live.parent_tgid;
  process.parent_start_ns = live.parent_start_ns;
  process.image_flags = BELFRY_IMAGE_BACKFILLED;
  process.place = live.place;
  process.mntns = live.mntns;
  process.userns = live.userns;
  process.pidns = live.pidns;
  std::memcpy(process.comm, live.comm, sizeof(process.comm));
  return process;
}

// A record that fork or exec wrote before us may describe an exec that was seen only in part: an image without its exec
// id is stale, and worse than none.
void Insert(int processes_fd, const belfry_live& live) {
  const belfry_process process = ProcessOf(live);
  if (bpf_map_update_elem(processes_fd, &live.pin.tgid, &process, BPF_NOEXIST) == 0) return;
  belfry_process known = {};
  if (bpf_map_lookup_elem(processes_fd, &live.pin.tgid, &known) != 0) return;
  if (known.pin.start_ns < live.pin.start_ns ||
      (known.pin.start_ns == live.pin.start_ns && known.pin.exec_id < live.pin.exec_id)) {
    bpf_map_update_elem(processes_fd, &live.pin.tgid, &process, BPF_EXIST);
  }
}

}  // namespace

absl::Status Backfill(Snapshot& snapshot, int processes_fd) {
  absl::StatusOr<std::vector<belfry_live>> before = snapshot.Live(0);
  if (!before.ok()) return before.status();
  for (const belfry_live& live : *before) {
    if (live.threads != 0) Insert(processes_fd, live);
  }
  // Whoever exited between the look and the insert would keep a record for ever: remove what is not there any more.
  absl::StatusOr<std::vector<belfry_live>> after = snapshot.Live(0);
  if (!after.ok()) return after.status();
  absl::flat_hash_map<uint32_t, uint64_t> alive;
  for (const belfry_live& live : *after) {
    if (live.threads != 0) alive.emplace(live.pin.tgid, live.pin.start_ns);
  }
  std::vector<uint32_t> stale;
  uint32_t tgid = 0, next = 0;
  for (int error = bpf_map_get_next_key(processes_fd, nullptr, &next); error == 0;
       error = bpf_map_get_next_key(processes_fd, &tgid, &next)) {
    tgid = next;
    if (!alive.contains(tgid)) stale.push_back(tgid);
  }
  for (const uint32_t gone : stale) {
    // Born since the second look: not stale.
    absl::StatusOr<std::vector<belfry_live>> now = snapshot.Live(gone);
    if (now.ok() && (now->empty() || now->front().threads == 0)) bpf_map_delete_elem(processes_fd, &gone);
  }
  return absl::OkStatus();
}

}  // namespace belfry::kernel
