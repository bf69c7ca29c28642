#include "kernel/hooks.h"

#include <bpf/bpf.h>
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "kit/error.h"

namespace belfry::kernel {
namespace {

constexpr uint32_t kConnectUnix = 49;  // BPF_CGROUP_UNIX_CONNECT, 6.7
constexpr uint32_t kCgroup2Magic = 0x63677270;

constexpr Hook kHooks[] = {
    {"process_exec", BELFRY_PROGRAM_EXEC, BPF_PROG_TYPE_TRACING, BPF_TRACE_RAW_TP},
    {"process_fork", BELFRY_PROGRAM_FORK, BPF_PROG_TYPE_TRACING, BPF_TRACE_RAW_TP},
    {"process_exit", BELFRY_PROGRAM_EXIT, BPF_PROG_TYPE_TRACING, BPF_TRACE_RAW_TP},
    {"connect_intent", BELFRY_PROGRAM_CONNECT_UNIX, BPF_PROG_TYPE_CGROUP_SOCK_ADDR, kConnectUnix},
    {"connect_ready", BELFRY_PROGRAM_DATA_READY, BPF_PROG_TYPE_TRACING, BPF_TRACE_RAW_TP},
    {"connect_peercred", BELFRY_PROGRAM_PEERCRED, BPF_PROG_TYPE_CGROUP_SOCKOPT, BPF_CGROUP_GETSOCKOPT},
};

bool IsCgroup2(int fd) {
  struct statfs fs = {};
  return fstatfs(fd, &fs) == 0 && static_cast<uint32_t>(fs.f_type) == kCgroup2Magic;
}

// A mount that is in no directory: enough to attach to, and gone with its descriptor.
kit::OwnedFd DetachedCgroup2() {
  kit::OwnedFd context(static_cast<int>(syscall(SYS_fsopen, "cgroup2", FSOPEN_CLOEXEC)));
  if (!context || syscall(SYS_fsconfig, context.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) != 0) return {};
  return kit::OwnedFd(static_cast<int>(syscall(SYS_fsmount, context.get(), FSMOUNT_CLOEXEC, 0)));
}

}  // namespace

std::span<const Hook> Hooks() { return kHooks; }

absl::StatusOr<kit::OwnedFd> Attach(const Hook& hook, int program_fd, int cgroup_fd) {
  kit::OwnedFd link(hook.type == BPF_PROG_TYPE_TRACING
                        ? bpf_raw_tracepoint_open(nullptr, program_fd)
                        : bpf_link_create(program_fd, cgroup_fd, static_cast<bpf_attach_type>(hook.attach_type), nullptr));
  if (link) return link;
  return kit::ErrnoError(absl::StrCat("attaching the program ", hook.name), "`belfry doctor` says what this kernel lacks");
}

bool IsAttached(int link_fd) {
  bpf_link_info info = {};
  uint32_t size = sizeof(info);
  if (bpf_obj_get_info_by_fd(link_fd, &info, &size) != 0) return false;
  return info.type != BPF_LINK_TYPE_CGROUP || info.cgroup.cgroup_id != 0;
}

uint64_t MissedRuns(int link_fd) {
  bpf_link_info link = {};
  uint32_t size = sizeof(link);
  if (bpf_obj_get_info_by_fd(link_fd, &link, &size) != 0) return 0;
  kit::OwnedFd program(bpf_prog_get_fd_by_id(link.prog_id));
  bpf_prog_info info = {};
  size = sizeof(info);
  if (!program || bpf_obj_get_info_by_fd(program.get(), &info, &size) != 0) return 0;
  return info.recursion_misses;
}

absl::StatusOr<kit::OwnedFd> OpenCgroupRoot() {
  for (const char* path : {"/sys/fs/cgroup", "/sys/fs/cgroup/unified"}) {
    kit::OwnedFd fd(open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (fd && IsCgroup2(fd.get())) return fd;
  }
  kit::OwnedFd fd = DetachedCgroup2();
  if (fd && IsCgroup2(fd.get())) return fd;
  return kit::ErrnoError("looking for the cgroup v2 hierarchy",
                         "mount it: `mount -t cgroup2 none /sys/fs/cgroup/unified`, or boot without cgroup_no_v2");
}

}  // namespace belfry::kernel
