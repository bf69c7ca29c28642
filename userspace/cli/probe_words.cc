#include "cli/probe_words.h"

namespace belfry::cli {
namespace {

struct ProbeWords {
  std::string_view name, words;
};

constexpr ProbeWords kProbes[] = {
    {"root", "belfryd may do what it has to do"},
    {"btf", "the kernel describes its own structures"},
    {"cap_bpf", "this process may load programs into the kernel"},
    {"cap_perfmon", "this process may read kernel structures"},
    {"cap_sys_admin", "this process may look into other processes"},
    {"cgroup_v2", "a version 2 control group tree is mounted"},
    {"bpffs", "what was learned can outlive a restart of the daemon"},
    {"lockdown", "how far the kernel is locked down"},
    {"kernel", "the kernel is new enough"},
    {"memlock", "memory for the kernel part may be locked"},
    {"ringbuf", "the kernel can report what it sees without waiting"},
    {"tp_btf", "every exec, fork and exit is seen"},
    {"raw_tp", "every exec, fork and exit is seen by the older way"},
    {"iter/task", "the kernel can list every living process"},
    {"iter/task_file", "the kernel can list who holds a connection"},
    {"cgroup/connect_unix", "every connect to a unix socket is seen"},
    {"cgroup/getsockopt", "a server's question who its peer is can be checked"},
    {"trampolines", "kernel functions can be watched and refused (better backends need it)"},
    {"fmod_ret", "system calls can be refused without a security module"},
    {"lsm_active", "the kernel asks Belfry before it lets things happen (the best backend needs it)"},
    {"pidfd_getfd", "connections can be cut"},
};

}  // namespace

std::string_view WordsForProbe(std::string_view name) {
  for (const ProbeWords& probe : kProbes) {
    if (probe.name == name) return probe.words;
  }
  return "a probe of the kernel";
}

}  // namespace belfry::cli
