#include "kernel/trial.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <iterator>

#include "absl/strings/str_cat.h"
#include "kernel/kprobe.h"
#include "kit/owned_fd.h"

namespace belfry::kernel {
namespace {

// Counts its runs in the map's only value and lets everything pass.
kit::OwnedFd LoadCounting(bpf_prog_type type, const bpf_prog_load_opts& options, int map) {
  const bpf_insn program[] = {
      {.code = BPF_LD | BPF_DW | BPF_IMM, .dst_reg = BPF_REG_1, .src_reg = BPF_PSEUDO_MAP_VALUE, .imm = map},
      {},
      {.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_2, .imm = 1},
      {.code = BPF_STX | BPF_DW | BPF_ATOMIC, .dst_reg = BPF_REG_1, .src_reg = BPF_REG_2, .imm = BPF_ADD},
      {.code = BPF_ALU64 | BPF_MOV | BPF_K},
      {.code = BPF_JMP | BPF_EXIT},
  };
  return kit::OwnedFd(bpf_prog_load(type, "belfry_try", "GPL", program, std::size(program), &options));
}

kit::OwnedFd AttachByTarget(int program) { return kit::OwnedFd(bpf_raw_tracepoint_open(nullptr, program)); }

// `attach` hangs it on what is run by whoever makes a socket.
template <typename Attach>
std::string TryFiring(bpf_prog_type type, const bpf_prog_load_opts& options, Attach attach) {
  const kit::OwnedFd map(bpf_map_create(BPF_MAP_TYPE_ARRAY, "belfry_try", sizeof(uint32_t), sizeof(uint64_t), 1, nullptr));
  if (!map) return absl::StrCat("refused here: no map (", std::strerror(errno), ")");
  const kit::OwnedFd loaded = LoadCounting(type, options, map.get());
  if (!loaded) return absl::StrCat("refused here when loaded (", std::strerror(errno), ")");
  const kit::OwnedFd link = attach(loaded.get());
  if (!link) return absl::StrCat("refused here when attached (", std::strerror(errno), ")");
  const kit::OwnedFd made(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const uint32_t zero = 0;
  uint64_t runs = 0;
  if (bpf_map_lookup_elem(map.get(), &zero, &runs) == 0 && runs > 0) return {};
  return "accepted here but never run";
}

std::string TryOn(bpf_prog_type type, bpf_attach_type attach, const char* function) {
  const int target = libbpf_find_vmlinux_btf_id(function, attach);
  if (target < 0) return absl::StrCat("this kernel has no ", function);
  LIBBPF_OPTS(bpf_prog_load_opts, options, .expected_attach_type = attach, .attach_btf_id = static_cast<uint32_t>(target));
  return TryFiring(type, options, AttachByTarget);
}

}  // namespace

std::string TryLsm() { return TryOn(BPF_PROG_TYPE_LSM, BPF_LSM_MAC, "socket_create"); }

std::string TryModifyReturn() { return TryOn(BPF_PROG_TYPE_TRACING, BPF_MODIFY_RETURN, "security_socket_create"); }

std::string TryKprobe() {
  LIBBPF_OPTS(bpf_prog_load_opts, options);
  return TryFiring(BPF_PROG_TYPE_KPROBE, options, [](int program) { return AttachKprobe("security_socket_create", program); });
}

}  // namespace belfry::kernel
