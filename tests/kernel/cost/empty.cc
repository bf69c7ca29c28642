// cost_empty BACKEND: a program that does nothing on every hook of that backend, until standard input ends. What operations
// cost beside them is the kernel's own part.
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <cstdio>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "kernel/hooks.h"
#include "kernel/objects.h"

namespace belfry::kernel {
namespace {

// What our own program of that hook is attached to: "unix_stream_connect".
std::string TargetOf(const Hook& hook) {
  const Skeleton skeleton = OpenObject(Objects().front());
  const bpf_program* program = skeleton ? bpf_object__find_program_by_name(skeleton->obj, hook.name) : nullptr;
  const std::string section = program == nullptr ? "" : bpf_program__section_name(program);
  return section.substr(section.find('/') + 1);
}

kit::OwnedFd LoadEmpty(const Hook& hook) {
  const auto attach_type = static_cast<bpf_attach_type>(hook.attach_type);
  const bool is_cgroup = hook.type == BPF_PROG_TYPE_CGROUP_SOCK_ADDR || hook.type == BPF_PROG_TYPE_CGROUP_SOCKOPT;
  const bpf_insn program[] = {{.code = BPF_ALU64 | BPF_MOV | BPF_K, .imm = is_cgroup}, {.code = BPF_JMP | BPF_EXIT}};
  LIBBPF_OPTS(bpf_prog_load_opts, options, .expected_attach_type = attach_type);
  if (!is_cgroup && hook.type != BPF_PROG_TYPE_KPROBE) {
    const int target = libbpf_find_vmlinux_btf_id(TargetOf(hook).c_str(), attach_type);
    if (target < 0) return kit::OwnedFd();
    options.attach_btf_id = static_cast<uint32_t>(target);
  }
  return kit::OwnedFd(bpf_prog_load(hook.type, "belfry_empty", "GPL", program, std::size(program), &options));
}

int Hold(Backend backend) {
  const absl::StatusOr<kit::OwnedFd> cgroup = OpenCgroupRoot();
  if (!cgroup.ok()) return 2;
  std::vector<kit::OwnedFd> links;
  for (const Hook& hook : HooksOf(backend, false)) {
    const kit::OwnedFd program = LoadEmpty(hook);
    absl::StatusOr<kit::OwnedFd> link = Attach(hook, program.get(), cgroup->get());
    if (!link.ok()) {
      fprintf(stderr, "%s: %s\n", hook.name, link.status().ToString().c_str());
      return 1;
    }
    links.push_back(*std::move(link));
  }
  printf("holding %zu\n", links.size());
  fflush(stdout);
  while (getchar() != EOF) {
  }
  return 0;
}

}  // namespace
}  // namespace belfry::kernel

int main(int count, char** arguments) {
  using belfry::kernel::Backend;
  for (const Backend backend : {Backend::kBpfLsm, Backend::kFmodRet, Backend::kCgroup})
    if (count == 2 && std::string_view(arguments[1]) == NameOf(backend)) return belfry::kernel::Hold(backend);
  fputs("usage: cost_empty bpf_lsm|fmod_ret|cgroup\n", stderr);
  return 2;
}
