#include "kernel/hooks.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <iterator>
#include <memory>
#include <string>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "kernel/kprobe.h"
#include "kernel/trial.h"
#include "kit/error.h"

namespace belfry::kernel {
namespace {

constexpr uint32_t kCgroup2Magic = 0x63677270;

using Hooks = std::vector<Hook>;

constexpr Hook RawTracepoint(const char* name, belfry_program counters) {
  return {name, counters, BPF_PROG_TYPE_TRACING, BPF_TRACE_RAW_TP};
}

// What hooks can refuse, once: how it is asked is the backend's.
struct Refusable {
  const char* lsm;
  const char* mod;
  belfry_program counters;
  const char* only_if = nullptr;
  bool on_request = false;
};
constexpr Refusable kRefusables[] = {
    {"pin_lsm", "pin_mod", BELFRY_PROGRAM_PIN},
    {"peercred_lsm", "peercred_mod", BELFRY_PROGRAM_PEERCRED},
    {"send_lsm", "send_mod", BELFRY_PROGRAM_SEND},
    {"receive_lsm", "receive_mod", BELFRY_PROGRAM_RECEIVE},
    {"transfer_lsm", "transfer_mod", BELFRY_PROGRAM_TRANSFER},
    {"shutdown_lsm", "shutdown_mod", BELFRY_PROGRAM_SHUTDOWN},
    {"setsockopt_lsm", "setsockopt_mod", BELFRY_PROGRAM_SETSOCKOPT},
    {"ioctl_lsm", "ioctl_mod", BELFRY_PROGRAM_IOCTL},
    {"ioctl_compat_lsm", "ioctl_compat_mod", BELFRY_PROGRAM_IOCTL_COMPAT, "security_file_ioctl_compat"},  // 6.8
    {.lsm = "file_lsm", .mod = "file_mod", .counters = BELFRY_PROGRAM_FILE, .on_request = true},
};

// Who touches an image from outside.
constexpr uint32_t kTraced = 1u << BELFRY_TAINT_TRACED, kWritten = 1u << BELFRY_TAINT_MEMORY_WRITTEN;
constexpr Hook kTampering[] = {
    {"trace", BELFRY_PROGRAM_TRACE, BPF_PROG_TYPE_TRACING, BPF_TRACE_FENTRY, "proc_ptrace_connector", kTraced},
    {"traceme", BELFRY_PROGRAM_TRACEME, BPF_PROG_TYPE_TRACING, BPF_TRACE_FEXIT, "security_ptrace_traceme", kTraced},
    {"write_mem", BELFRY_PROGRAM_WRITE_MEM, BPF_PROG_TYPE_TRACING, BPF_TRACE_FENTRY, "mem_write", kWritten},
    {"write_remote", BELFRY_PROGRAM_WRITE_REMOTE, BPF_PROG_TYPE_TRACING, BPF_TRACE_FENTRY, "pin_user_pages_remote", kWritten},
};

// A program that the kernel preempts hides what other tasks do on that CPU until it goes on, and somebody can see to it
// that it does not: these hold the CPU, and see the same.
constexpr Hook Held(const char* name, belfry_program counters, const char* function, const char* twin, Release since = {}) {
  return {.name = name, .counters = counters, .type = BPF_PROG_TYPE_KPROBE, .attach_type = BPF_PERF_EVENT,
          .only_if = function, .twin = twin, .since = since};
}
constexpr Hook kHeldTampering[] = {
    Held("held_trace", BELFRY_PROGRAM_HELD_TRACE, "proc_ptrace_connector", "trace"),
    Held("held_traceme", BELFRY_PROGRAM_HELD_TRACEME, "security_ptrace_traceme", "traceme"),
    Held("held_write_mem", BELFRY_PROGRAM_HELD_WRITE_MEM, "mem_write", "write_mem"),
    Held("held_write_vm", BELFRY_PROGRAM_HELD_WRITE_VM, "pin_user_pages_remote", "write_remote"),
};
// Tracepoints are preempted since 7.0; not before, however the kernel was built or booted.
constexpr Release kPreempted = {7, 0};
constexpr Hook kHeldProcesses[] = {
    Held("held_exec", BELFRY_PROGRAM_HELD_EXEC, "finalize_exec", "process_exec", kPreempted),
    Held("held_fork", BELFRY_PROGRAM_HELD_FORK, "wake_up_new_task", "process_fork", kPreempted),
    Held("held_exit", BELFRY_PROGRAM_HELD_EXIT, "perf_event_exit_task", "process_exit", kPreempted),
};

struct FreeTypes {
  void operator()(btf* types) const { btf__free(types); }
};

// The kernel has the function, with no more arguments than it passes on to a program (6; 12 since 6.8).
constexpr uint16_t kArgumentsMax = 6;
bool Exists(const btf* types, const char* function) {
  const int id = types ? btf__find_by_name_kind(types, function, BTF_KIND_FUNC) : -1;
  if (id < 0) return false;
  const btf_type* declared = btf__type_by_id(types, btf__type_by_id(types, static_cast<uint32_t>(id))->type);
  return btf_vlen(declared) <= kArgumentsMax;
}

// What no backend does otherwise.
Hooks OnAll() {
  Hooks hooks = {RawTracepoint("process_exec", BELFRY_PROGRAM_EXEC), RawTracepoint("process_fork", BELFRY_PROGRAM_FORK),
                 RawTracepoint("process_exit", BELFRY_PROGRAM_EXIT), RawTracepoint("tcp_state", BELFRY_PROGRAM_TCP),
                 {"port_connect4", BELFRY_PROGRAM_PORT_CONNECT4, BPF_PROG_TYPE_CGROUP_SOCK_ADDR, BPF_CGROUP_INET4_CONNECT},
                 {"port_connect6", BELFRY_PROGRAM_PORT_CONNECT6, BPF_PROG_TYPE_CGROUP_SOCK_ADDR, BPF_CGROUP_INET6_CONNECT}};
  hooks.insert(hooks.end(), std::begin(kHeldProcesses), std::end(kHeldProcesses));
  return hooks;
}

Hooks WithHooks(Backend backend) {
  Hooks hooks = OnAll();
  hooks.insert(hooks.end(), std::begin(kTampering), std::end(kTampering));
  hooks.insert(hooks.end(), std::begin(kHeldTampering), std::end(kHeldTampering));
  for (const Refusable& one : kRefusables) {
    const bool lsm = backend == Backend::kBpfLsm;
    hooks.push_back({.name = lsm ? one.lsm : one.mod,
                     .counters = one.counters,
                     .type = lsm ? BPF_PROG_TYPE_LSM : BPF_PROG_TYPE_TRACING,
                     .attach_type = lsm ? BPF_LSM_MAC : BPF_MODIFY_RETURN,
                     .only_if = one.only_if,
                     .on_request = one.on_request});
  }
  hooks.push_back({"splice_read", BELFRY_PROGRAM_SPLICE, BPF_PROG_TYPE_TRACING, BPF_TRACE_FENTRY, "unix_stream_splice_read"});
  hooks.push_back({"send_page", BELFRY_PROGRAM_SEND_PAGE, BPF_PROG_TYPE_TRACING, BPF_TRACE_FENTRY, "unix_stream_sendpage"});  // until 6.5
  // Where programs can ask for a socket's cookie (5.12), it is the kernel that forgets it.
  hooks.push_back({"socket_gone", BELFRY_PROGRAM_GONE, BPF_PROG_TYPE_TRACING, BPF_TRACE_FENTRY, "security_sk_free", 0,
                   "bpf_get_socket_ptr_cookie"});
  return hooks;
}

Hooks WithoutHooks() {
  Hooks hooks = OnAll();
  hooks.push_back({"connect_intent", BELFRY_PROGRAM_CONNECT_UNIX, BPF_PROG_TYPE_CGROUP_SOCK_ADDR, kConnectUnix});
  hooks.push_back(RawTracepoint("connect_ready", BELFRY_PROGRAM_DATA_READY));
  hooks.push_back({"connect_peercred", BELFRY_PROGRAM_PEERCRED, BPF_PROG_TYPE_CGROUP_SOCKOPT, BPF_CGROUP_GETSOCKOPT});
  return hooks;
}

struct Present {
  Hooks hooks;      // with those on request
  Hooks unasked;    // without them
  uint32_t unseen = 0;  // bits of enum belfry_taint that those which are missing would have told
};

bool CanBeHad(const Hook& hook) {
  static const bool kKprobes = TryKprobe().empty();
  return ThisRelease() >= hook.since && (kKprobes || hook.type != BPF_PROG_TYPE_KPROBE);
}

// The kernel's types are large: read for this question only.
Present OnThisKernel(Hooks hooks) {
  const std::unique_ptr<btf, FreeTypes> types(btf__load_vmlinux_btf());
  Present present;
  for (const Hook& hook : hooks) {
    if (!CanBeHad(hook)) continue;
    const bool missing = (hook.only_if != nullptr && !Exists(types.get(), hook.only_if)) ||
                         (hook.unless != nullptr && Exists(types.get(), hook.unless));
    if (missing)
      present.unseen |= hook.sees;
    else
      present.hooks.push_back(hook);
  }
  std::copy_if(present.hooks.begin(), present.hooks.end(), std::back_inserter(present.unasked),
               [](const Hook& hook) { return !hook.on_request; });
  return present;
}

const Present& PresentOf(Backend backend) {
  static const Present kLsm = OnThisKernel(WithHooks(Backend::kBpfLsm));
  static const Present kMod = OnThisKernel(WithHooks(Backend::kFmodRet));
  static const Present kCgroup = OnThisKernel(WithoutHooks());
  return backend == Backend::kBpfLsm ? kLsm : backend == Backend::kFmodRet ? kMod : kCgroup;
}

bool NeedsCgroup(const Hook& hook) {
  return hook.type == BPF_PROG_TYPE_CGROUP_SOCK_ADDR || hook.type == BPF_PROG_TYPE_CGROUP_SOCKOPT;
}

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

const char* NameOf(Backend backend) {
  constexpr const char* kNames[] = {"bpf_lsm", "fmod_ret", "cgroup"};
  return kNames[static_cast<size_t>(backend)];
}

const std::vector<Hook>& HooksOf(Backend backend, bool on_request) {
  return on_request ? PresentOf(backend).hooks : PresentOf(backend).unasked;
}

const std::vector<Hook>& AllHooks() {
  static const Hooks kAll = [] {
    Hooks all = WithHooks(Backend::kBpfLsm);
    for (const Backend other : {Backend::kFmodRet, Backend::kCgroup})
      for (const Hook& hook : other == Backend::kCgroup ? WithoutHooks() : WithHooks(other))
        if (std::none_of(all.begin(), all.end(), [&](const Hook& one) { return std::string_view(one.name) == hook.name; }))
          all.push_back(hook);
    return all;
  }();
  return kAll;
}

uint32_t UnseenHere(Backend backend) { return PresentOf(backend).unseen; }

absl::StatusOr<kit::OwnedFd> Attach(const Hook& hook, int program_fd, int cgroup_fd) {
  kit::OwnedFd link;
  if (hook.type == BPF_PROG_TYPE_KPROBE)
    link = AttachKprobe(hook.only_if, program_fd);
  else if (NeedsCgroup(hook))
    link = kit::OwnedFd(bpf_link_create(program_fd, cgroup_fd, static_cast<bpf_attach_type>(hook.attach_type), nullptr));
  else
    link = kit::OwnedFd(bpf_raw_tracepoint_open(nullptr, program_fd));
  if (link) return link;
  return kit::ErrnoError(absl::StrCat("attaching the program ", hook.name), "`belfry doctor` says what this kernel lacks");
}

bool IsAttached(int link_fd) {
  bpf_link_info info = {};
  uint32_t size = sizeof(info);
  if (bpf_obj_get_info_by_fd(link_fd, &info, &size) != 0) return false;
  return info.type != BPF_LINK_TYPE_CGROUP || info.cgroup.cgroup_id != 0;
}

kit::OwnedFd ProgramBehind(int link_fd) {
  bpf_link_info link = {};
  uint32_t size = sizeof(link);
  if (bpf_obj_get_info_by_fd(link_fd, &link, &size) != 0) return kit::OwnedFd();
  return kit::OwnedFd(bpf_prog_get_fd_by_id(link.prog_id));
}

uint64_t MissedRuns(int program_fd) {
  bpf_prog_info info = {};
  uint32_t size = sizeof(info);
  return bpf_obj_get_info_by_fd(program_fd, &info, &size) == 0 ? info.recursion_misses : 0;
}

// dd8657894c11 ("bpf: Count missed stats in trace_call_bpf", 6.7): before, a kprobe's program reads 0.
bool CountsMissedRuns(const Hook& hook, Release release) {
  return hook.type != BPF_PROG_TYPE_KPROBE || release >= Release{6, 7};
}

bool SeeTheSame(const Hook& one, const Hook& other) {
  const auto is = [](const char* twin, const Hook& hook) { return twin != nullptr && std::string_view(twin) == hook.name; };
  return is(one.name, other) || is(one.twin, other) || is(other.twin, one);
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
