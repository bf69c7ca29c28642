#include "kernel/candidates.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "belfry/wire.h"
#include "kit/owned_fd.h"

namespace belfry::kernel {
namespace {

constexpr uint32_t Bit(belfry_taint taint) { return 1u << taint; }

// What nobody can see without a hook on use, accept, ptrace and memory writes. A tracer is seen at exec and at a
// verdict, but not one that came and went in between: to be traced cannot be excluded.
constexpr uint32_t kBlindCgroup = Bit(BELFRY_TAINT_FOREIGN_SENDER) | Bit(BELFRY_TAINT_FOREIGN_RECEIVER) |
                                  Bit(BELFRY_TAINT_FOREIGN_ACCEPTOR) | Bit(BELFRY_TAINT_MEMORY_WRITTEN) |
                                  Bit(BELFRY_TAINT_TRACED);

// mov r0, 0; exit
std::string TryEmpty(bpf_prog_type type, bpf_attach_type attach, const char* function) {
  const bpf_insn program[] = {{.code = BPF_ALU64 | BPF_MOV | BPF_K}, {.code = BPF_JMP | BPF_EXIT}};
  const int target = libbpf_find_vmlinux_btf_id(function, attach);
  if (target < 0) return absl::StrCat("this kernel has no ", function);
  LIBBPF_OPTS(bpf_prog_load_opts, options, .expected_attach_type = attach, .attach_btf_id = static_cast<uint32_t>(target));
  kit::OwnedFd loaded(bpf_prog_load(type, "belfry_try", "GPL", program, 2, &options));
  if (!loaded) return absl::StrCat("refused here when loaded (", std::strerror(errno), ")");
  kit::OwnedFd link(bpf_raw_tracepoint_open(nullptr, loaded.get()));
  if (!link) return absl::StrCat("refused here when attached (", std::strerror(errno), ")");
  return {};
}

struct Candidate {
  const char* backend;
  std::string (*attempt)();
  const char* programs;  // what was tried, in words
  bool built;            // do we have programs for it
  uint32_t blind_to;
};

std::string Always() { return {}; }

constexpr Candidate kCandidates[] = {
    {"bpf_lsm", TryLsm, "lsm/ programs", false, 0},
    {"fmod_ret", TryModifyReturn, "fmod_ret/ programs", false, 0},
    {"cgroup", Always, "cgroup/ and tp_btf/ programs", true, kBlindCgroup},
};

}  // namespace

std::string TryLsm() { return TryEmpty(BPF_PROG_TYPE_LSM, BPF_LSM_MAC, "unix_stream_connect"); }

std::string TryModifyReturn() {
  return TryEmpty(BPF_PROG_TYPE_TRACING, BPF_MODIFY_RETURN, "security_unix_stream_connect");
}

Choice ChooseBackend() {
  Choice choice;
  for (const Candidate& candidate : kCandidates) {
    std::string reason = candidate.attempt();
    if (reason.empty() && candidate.built) {
      choice.backend = candidate.backend;
      choice.blind_to = candidate.blind_to;
      return choice;
    }
    if (reason.empty()) reason = "would work here, but this version of Belfry has none";
    choice.steps_down.push_back(absl::StrCat(candidate.backend, ": ", candidate.programs, " are ", reason));
  }
  return choice;
}

}  // namespace belfry::kernel
