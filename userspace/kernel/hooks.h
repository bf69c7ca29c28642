// The programs that stay attached, in the order in which they are attached.
#ifndef BELFRY_KERNEL_HOOKS_H_
#define BELFRY_KERNEL_HOOKS_H_

#include <linux/bpf.h>

#include <vector>

#include "absl/status/statusor.h"
#include "belfry/wire.h"
#include "kernel/release.h"
#include "kit/owned_fd.h"

namespace belfry::kernel {

inline constexpr uint32_t kConnectUnix = 49;  // BPF_CGROUP_UNIX_CONNECT, 6.7

// Which mechanism records and refuses (design 5).
enum class Backend { kBpfLsm, kFmodRet, kCgroup };
const char* NameOf(Backend backend);

struct Hook {
  const char* name;  // of the program, as in bpf/
  belfry_program counters;
  bpf_prog_type type;
  uint32_t attach_type;  // a number: enum bpf_attach_type of Debian 12 ends before cgroup/connect_unix (6.7)
  const char* only_if = nullptr;  // left out where the kernel has no such function that can be hooked
  uint32_t sees = 0;              // bits of enum belfry_taint that are missed without it
  const char* unless = nullptr;   // left out where it has this one
  const char* twin = nullptr;     // the hook that sees the same: nothing is missed while one of the two runs
  Release since = {};             // of no use before
  bool on_request = false;        // attached only where BpfOptions::refuse_splice asks for it
};

// What the backend attaches here, in that order: processes first, so that a connect always finds its opener; the intent
// before what it becomes; what is done with a stream last.
const std::vector<Hook>& HooksOf(Backend backend, bool on_request);
// Every program that some backend attaches.
const std::vector<Hook>& AllHooks();

// Bits of enum belfry_taint that go unseen because this kernel lacks the function that would tell.
uint32_t UnseenHere(Backend backend);

// The link's descriptor. `cgroup_fd` is used by cgroup hooks only.
absl::StatusOr<kit::OwnedFd> Attach(const Hook& hook, int program_fd, int cgroup_fd);
// Does the kernel still run this link's program? (A cgroup link can be detached and still be held.)
bool IsAttached(int link_fd);
// The link's program. Asked for while we may (CAP_SYS_ADMIN); what it missed can be read without.
kit::OwnedFd ProgramBehind(int link_fd);
// How often the kernel skipped the program because it already ran on that CPU.
uint64_t MissedRuns(int program_fd);
// Is that known of this kind of program?
bool CountsMissedRuns(const Hook& hook, Release release);
// Of itself too.
bool SeeTheSame(const Hook& one, const Hook& other);

// A directory descriptor of the root of the v2 hierarchy, mounted or not.
absl::StatusOr<kit::OwnedFd> OpenCgroupRoot();

}  // namespace belfry::kernel

#endif  // BELFRY_KERNEL_HOOKS_H_
