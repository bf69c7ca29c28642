#include "kernel/candidates.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <iterator>

#include "absl/strings/match.h"
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

// What these hooks do not tell.
constexpr uint32_t kBlindHooks = Bit(BELFRY_TAINT_FOREIGN_ACCEPTOR) | Bit(BELFRY_TAINT_FD_INHERITED);

// Counts its runs in the map's only value and lets everything pass.
kit::OwnedFd LoadCounting(bpf_prog_type type, bpf_attach_type attach, uint32_t target, int map) {
  const bpf_insn program[] = {
      {.code = BPF_LD | BPF_DW | BPF_IMM, .dst_reg = BPF_REG_1, .src_reg = BPF_PSEUDO_MAP_VALUE, .imm = map},
      {},
      {.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_2, .imm = 1},
      {.code = BPF_STX | BPF_DW | BPF_ATOMIC, .dst_reg = BPF_REG_1, .src_reg = BPF_REG_2, .imm = BPF_ADD},
      {.code = BPF_ALU64 | BPF_MOV | BPF_K},
      {.code = BPF_JMP | BPF_EXIT},
  };
  LIBBPF_OPTS(bpf_prog_load_opts, options, .expected_attach_type = attach, .attach_btf_id = target);
  return kit::OwnedFd(bpf_prog_load(type, "belfry_try", "GPL", program, std::size(program), &options));
}

// `function` is run by whoever makes a socket.
std::string TryFiring(bpf_prog_type type, bpf_attach_type attach, const char* function) {
  const int target = libbpf_find_vmlinux_btf_id(function, attach);
  if (target < 0) return absl::StrCat("this kernel has no ", function);
  const kit::OwnedFd map(bpf_map_create(BPF_MAP_TYPE_ARRAY, "belfry_try", sizeof(uint32_t), sizeof(uint64_t), 1, nullptr));
  if (!map) return absl::StrCat("refused here: no map (", std::strerror(errno), ")");
  const kit::OwnedFd loaded = LoadCounting(type, attach, static_cast<uint32_t>(target), map.get());
  if (!loaded) return absl::StrCat("refused here when loaded (", std::strerror(errno), ")");
  const kit::OwnedFd link(bpf_raw_tracepoint_open(nullptr, loaded.get()));
  if (!link) return absl::StrCat("refused here when attached (", std::strerror(errno), ")");
  const kit::OwnedFd made(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const uint32_t zero = 0;
  uint64_t runs = 0;
  if (bpf_map_lookup_elem(map.get(), &zero, &runs) == 0 && runs > 0) return {};
  return "accepted here but never run";
}

// Test switch: BELFRY_TEST_WITHOUT=bpf_lsm,fmod_ret leaves these candidates out.
bool LeftOut(Backend backend) {
  const char* names = std::getenv("BELFRY_TEST_WITHOUT");
  return names != nullptr && absl::StrContains(absl::StrCat(",", names, ","), absl::StrCat(",", NameOf(backend), ","));
}

std::string LsmMissing() {
  if (LeftOut(Backend::kBpfLsm)) return "left out by BELFRY_TEST_WITHOUT";
  const std::string why = TryLsm();
  return why.empty() ? "" : absl::StrCat("lsm/ programs are ", why);
}

std::string ModifyReturnMissing() {
  if (LeftOut(Backend::kFmodRet)) return "left out by BELFRY_TEST_WITHOUT";
  const std::string why = TryModifyReturn();
  return why.empty() ? "" : absl::StrCat("fmod_ret/ programs are ", why);
}

constexpr Candidate kCandidates[] = {
    {Backend::kBpfLsm, LsmMissing, kBlindHooks, true},
    {Backend::kFmodRet, ModifyReturnMissing, kBlindHooks, true},
    {Backend::kCgroup, [] { return std::string(); }, kBlindCgroup, false},
};

}  // namespace

std::span<const Candidate> Candidates() { return kCandidates; }

std::string TryLsm() { return TryFiring(BPF_PROG_TYPE_LSM, BPF_LSM_MAC, "socket_create"); }

std::string TryModifyReturn() {
  return TryFiring(BPF_PROG_TYPE_TRACING, BPF_MODIFY_RETURN, "security_socket_create");
}

}  // namespace belfry::kernel
