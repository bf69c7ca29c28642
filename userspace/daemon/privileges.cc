#include "daemon/privileges.h"

#include <grp.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <vector>

#include "kit/error.h"

namespace belfry::daemon {
namespace {

constexpr Kept kKept[] = {
    {CAP_BPF, "CAP_BPF", "reads and writes its maps: bpf(2) asks for it where unprivileged BPF is off"},
    {CAP_PERFMON, "CAP_PERFMON", "reads what its tracing programs and iterators show"},
    {CAP_SYS_PTRACE, "CAP_SYS_PTRACE", "opens /proc/PID/exe of processes of other users"},
    {CAP_DAC_READ_SEARCH, "CAP_DAC_READ_SEARCH", "reads executables that only their owner may read, for their digest"},
};

// The owner of a file may give it to any of his own groups without CAP_CHOWN.
void JoinGroups(const char* name, std::optional<uint32_t> gid) {
  std::vector<gid_t> groups(static_cast<size_t>(std::max(0, getgroups(0, nullptr))));
  if (getgroups(static_cast<int>(groups.size()), groups.data()) < 0) return;
  if (const group* found = getgrnam(name); found != nullptr) groups.push_back(found->gr_gid);
  if (gid) groups.push_back(*gid);
  // Best effort: without it admin.sock stays root's alone, and the metrics' socket says that it cannot be given away.
  [[maybe_unused]] const int joined = setgroups(groups.size(), groups.data());
}

}  // namespace

std::span<const Kept> KeptCapabilities() { return kKept; }

absl::Status DropPrivileges(const char* admin_group, std::optional<uint32_t> metrics_group) {
  JoinGroups(admin_group, metrics_group);
  uint64_t keep = 0;
  for (const Kept& kept : kKept) keep |= 1ull << kept.capability;
  for (int capability = 0; prctl(PR_CAPBSET_READ, capability) >= 0; ++capability)
    if ((keep & 1ull << capability) == 0 && prctl(PR_CAPBSET_READ, capability) == 1)
      prctl(PR_CAPBSET_DROP, capability);
  prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[2] = {};
  if (syscall(SYS_capget, &header, data) != 0) return kit::ErrnoError("reading our capabilities");
  for (int word = 0; word < 2; ++word) {
    data[word].permitted &= static_cast<uint32_t>(keep >> (32 * word));
    data[word].effective = data[word].permitted;
    data[word].inheritable = 0;
  }
  if (syscall(SYS_capset, &header, data) != 0) return kit::ErrnoError("dropping our capabilities");
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return kit::ErrnoError("giving up new privileges");
  if (prctl(PR_SET_DUMPABLE, 0) != 0) return kit::ErrnoError("refusing to be traced");
  return absl::OkStatus();
}

}  // namespace belfry::daemon
