#include "kernel/probes.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <iterator>

#include "absl/strings/str_cat.h"
#include "kernel/hooks.h"
#include "kernel/pins.h"
#include "kernel/release.h"
#include "kernel/trial.h"
#include "kit/owned_fd.h"

namespace belfry::kernel {
namespace {

struct Floor {
  Release release;
  const char* remedy;
};
// With programs on kernel functions or security hooks, and without.
constexpr Floor kWithHooks = {{5, 10}, "boot Linux 5.10 or later (Debian 12 or 13)"};
constexpr Floor kWithoutHooks = {{6, 7},
                                 "boot Linux 6.7 or later (Debian 13, or Debian 12 with its backports kernel), or a kernel on "
                                 "whose functions programs can be hung (CONFIG_DYNAMIC_FTRACE_WITH_DIRECT_CALLS=y)"};

Probe Ok(const char* name, bool required, std::string detail) {
  return {.name = name, .ok = true, .required = required, .detail = std::move(detail), .remedy = {}};
}

Probe Bad(const char* name, bool required, std::string detail, std::string remedy) {
  return {.name = name, .ok = false, .required = required, .detail = std::move(detail), .remedy = std::move(remedy)};
}

Probe KernelVersion(const Floor& floor) {
  utsname names = {};
  uname(&names);
  if (ThisRelease() >= floor.release) return Ok("kernel", true, names.release);
  return Bad("kernel", true, absl::StrCat(names.release, " is older than ", floor.release.major, ".", floor.release.minor),
             floor.remedy);
}

Probe Btf() {
  const char* path = "/sys/kernel/btf/vmlinux";
  if (access(path, R_OK) == 0) return Ok("btf", true, "the kernel describes its own data");
  return Bad("btf", true, absl::StrCat(path, ": ", std::strerror(errno)),
             "the kernel must be built with CONFIG_DEBUG_INFO_BTF=y, and /sys must be mounted");
}

Probe Root() {
  if (geteuid() == 0) return Ok("root", true, "we are root");
  return Bad("root", true, absl::StrCat("we are user ", geteuid()), "run it as root");
}

// Any program shows it: the simplest is a socket filter, but only a tracing one needs the capabilities that we need.
Probe CapBpf() {
  const bpf_insn program[] = {{.code = BPF_ALU64 | BPF_MOV | BPF_K}, {.code = BPF_JMP | BPF_EXIT}};
  kit::OwnedFd loaded(bpf_prog_load(BPF_PROG_TYPE_RAW_TRACEPOINT, "belfry_try", "GPL", program, 2, nullptr));
  if (loaded) return Ok("cap_bpf", true, "we may load programs into the kernel");
  return Bad("cap_bpf", true, absl::StrCat("loading the simplest program: ", std::strerror(errno)),
             "give CAP_BPF, CAP_PERFMON and CAP_NET_ADMIN (as root outside a container, or in a privileged one); "
             "if the kernel is locked down (confidentiality), boot it with lockdown=integrity or none");
}

// As bpf/read.bpf.h does: by bpf_rdonly_cast (6.2), else by bpf_probe_read_kernel.
Probe KernelMemory() {
  if (libbpf_find_vmlinux_btf_id("bpf_rdonly_cast", BPF_TRACE_FENTRY) > 0)
    return Ok("kernel_memory", true, "programs may look at the kernel's data");
  const bpf_insn program[] = {
      {.code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = BPF_REG_1, .src_reg = BPF_REG_10},
      {.code = BPF_ALU64 | BPF_ADD | BPF_K, .dst_reg = BPF_REG_1, .imm = -8},
      {.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_2, .imm = 8},
      {.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_3},
      {.code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_probe_read_kernel},
      {.code = BPF_ALU64 | BPF_MOV | BPF_K},
      {.code = BPF_JMP | BPF_EXIT},
  };
  kit::OwnedFd loaded(bpf_prog_load(BPF_PROG_TYPE_RAW_TRACEPOINT, "belfry_try", "GPL", program, std::size(program), nullptr));
  if (loaded) return Ok("kernel_memory", true, "programs may copy the kernel's data (before Linux 6.2: not under lockdown=confidentiality)");
  return Bad("kernel_memory", true, absl::StrCat("programs may not copy the kernel's data: ", std::strerror(errno)),
             "boot with lockdown=integrity or none, or Linux 6.2 or later, which needs no copy");
}

Probe CgroupRoot() {
  absl::StatusOr<kit::OwnedFd> root = OpenCgroupRoot();
  if (!root.ok()) {
    return Bad("cgroup_v2", true, std::string(root.status().message()),
               "mount it: `mount -t cgroup2 none /sys/fs/cgroup/unified`");
  }
  struct stat info = {};
  // The root of the whole hierarchy is number 1; a container sees only a part, and so would we.
  if (fstat(root->get(), &info) == 0 && info.st_ino == 1) return Ok("cgroup_v2", true, "the root is reachable");
  return Bad("cgroup_v2", true, "only a part of the cgroup tree is visible from here: connects from outside it would be missed",
             "run in the host's cgroup namespace (docker: --cgroupns=host)");
}

struct Attempt {
  const char* name;
  bpf_prog_type type;
  uint32_t attach_type;
  const char* target;  // a kernel type or function to attach to; null if the type needs none
  const char* what;
  const char* remedy;
  bool hooks_do = false;  // not needed where there are hooks
};

constexpr Attempt kAttempts[] = {
    {"tp_btf", BPF_PROG_TYPE_TRACING, BPF_TRACE_RAW_TP, "sched_process_exec", "seeing exec, fork and exit", kWithHooks.remedy},
    {"tp_btf/sk_data_ready", BPF_PROG_TYPE_TRACING, BPF_TRACE_RAW_TP, "sk_data_ready", "seeing connections", kWithoutHooks.remedy,
     true},
    {"cgroup/connect_unix", BPF_PROG_TYPE_CGROUP_SOCK_ADDR, 49, nullptr, "seeing who is about to connect",
     kWithoutHooks.remedy, true},
    {"cgroup/getsockopt", BPF_PROG_TYPE_CGROUP_SOCKOPT, BPF_CGROUP_GETSOCKOPT, nullptr,
     "looking again when a server asks who is there", "the kernel must be built with CONFIG_CGROUP_BPF=y", true},
    {"tp_btf/inet_sock_set_state", BPF_PROG_TYPE_TRACING, BPF_TRACE_RAW_TP, "inet_sock_set_state", "seeing TCP connections",
     kWithHooks.remedy},
    {"iter", BPF_PROG_TYPE_TRACING, BPF_TRACE_ITER, "task_file", "searching who holds a connection", kWithHooks.remedy},
};

Probe Try(const Attempt& attempt, bool hooks) {
  const bool required = !(attempt.hooks_do && hooks);
  const char* remedy = required ? attempt.remedy : "nothing to do: hooks see it here";
  // mov r0, ALLOWED; exit. Tracing programs must return 0, cgroup ones 1 to let the call pass.
  const int32_t result = attempt.type == BPF_PROG_TYPE_TRACING ? 0 : 1;
  const bpf_insn program[] = {{.code = BPF_ALU64 | BPF_MOV | BPF_K, .imm = result}, {.code = BPF_JMP | BPF_EXIT}};
  LIBBPF_OPTS(bpf_prog_load_opts, options);
  options.expected_attach_type = static_cast<bpf_attach_type>(attempt.attach_type);
  if (attempt.target != nullptr) {
    const int id = libbpf_find_vmlinux_btf_id(attempt.target, options.expected_attach_type);
    if (id < 0) return Bad(attempt.name, required, absl::StrCat("this kernel has no ", attempt.target), remedy);
    options.attach_btf_id = static_cast<uint32_t>(id);
  }
  kit::OwnedFd loaded(bpf_prog_load(attempt.type, "belfry_try", "GPL", program, 2, &options));
  if (loaded) return Ok(attempt.name, required, attempt.what);
  return Bad(attempt.name, required, absl::StrCat(attempt.what, ": ", std::strerror(errno)), remedy);
}

Probe Lsm(const std::string& reason) {
  if (reason.empty()) return Ok("lsm_load", false, "programs decide at security hooks: others are refused in the kernel");
  return Bad("lsm_load", false, absl::StrCat("programs at security hooks are ", reason),
             "to refuse other processes in the kernel, boot one with CONFIG_BPF_LSM=y and trampolines, and with `bpf` in "
             "its lsm= list");
}

Probe LsmActive() {
  char names[256] = {};
  FILE* file = std::fopen("/sys/kernel/security/lsm", "re");
  if (file == nullptr) {
    return Bad("lsm_active", false, "the list of active security modules cannot be read",
               "mount it: `mount -t securityfs none /sys/kernel/security`");
  }
  const size_t got = std::fread(names, 1, sizeof(names) - 1, file);
  std::fclose(file);
  const std::string list(names, got);
  if (absl::StrCat(",", list, ",").find(",bpf,") != std::string::npos) return Ok("lsm_active", false, list);
  return Bad("lsm_active", false, absl::StrCat(list, " (no bpf)"), "add `bpf` to lsm= on the kernel's command line; fmod_ret programs stand in where they can");
}

Probe Trampolines(const std::string& reason) {
  if (reason.empty()) return Ok("trampolines", false, "programs can be hung on kernel functions");
  return Bad("trampolines", false, absl::StrCat("programs on kernel functions are ", reason),
             "nothing to do: Belfry works without, on its cgroup backend, which notices where others refuse");
}

Probe Kprobes(const std::string& reason) {
  if (reason.empty()) return Ok("kprobes", false, "programs can hold their CPU: busy ones hide nothing from us");
  return Bad("kprobes", false, absl::StrCat("programs that hold their CPU are ", reason),
             "nothing to do before Linux 7; from there on, and with preempt=full, what several tasks do at once on one CPU may "
             "be missed and is counted: CONFIG_KPROBE_EVENTS=y, and lockdown=integrity or none, help");
}

Probe Bpffs() {
  if (IsBpffs("/sys/fs/bpf")) return Ok("bpffs", false, "/sys/fs/bpf is mounted");
  return Bad("bpffs", false, "/sys/fs/bpf is not mounted", "nothing to do: belfryd mounts it (or: `mount -t bpf bpf /sys/fs/bpf`)");
}

}  // namespace

std::vector<Probe> RunProbes() {
  libbpf_set_print(nullptr);  // what it would write to stderr stands in the details
  const std::string no_lsm = TryLsm(), no_trampolines = TryModifyReturn();
  const bool hooks = no_lsm.empty() || no_trampolines.empty();
  std::vector<Probe> probes = {KernelVersion(hooks ? kWithHooks : kWithoutHooks), Root(), CapBpf(), Btf(), KernelMemory(),
                               CgroupRoot()};
  for (const Attempt& attempt : kAttempts) probes.push_back(Try(attempt, hooks));
  probes.push_back(Bpffs());
  probes.push_back(Trampolines(no_trampolines));
  probes.push_back(Lsm(no_lsm));
  probes.push_back(LsmActive());
  probes.push_back(Kprobes(TryKprobe()));
  return probes;
}

}  // namespace belfry::kernel
