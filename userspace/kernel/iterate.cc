#include "kernel/iterate.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <unistd.h>

#include <cerrno>
#include <memory>

#include "absl/strings/str_cat.h"
#include "kit/error.h"
#include "kit/owned_fd.h"

namespace belfry::kernel {
namespace {

struct DestroyLink {
  void operator()(bpf_link* link) const { bpf_link__destroy(link); }
};

absl::Status Failed(const bpf_program* program) {
  return kit::ErrnoError(absl::StrCat("walking with the program ", bpf_program__name(program)),
                         "see `belfry doctor`: iter programs need CAP_BPF and CAP_PERFMON");
}

}  // namespace

absl::StatusOr<std::string> Iterate(const bpf_program* program, Walk walk) {
  bpf_iter_link_info info = {};
  if (walk.over == Walk::Over::kThread) info.task.tid = walk.number;
  if (walk.over == Walk::Over::kProcess) info.task.pid = walk.number;
  LIBBPF_OPTS(bpf_iter_attach_opts, options, .link_info = &info, .link_info_len = sizeof(info));
  std::unique_ptr<bpf_link, DestroyLink> link(
      bpf_program__attach_iter(program, walk.over == Walk::Over::kAll ? nullptr : &options));
  // Before 6.1 only everybody can be walked over.
  if (!link && walk.over != Walk::Over::kAll && (errno == E2BIG || errno == EINVAL))
    link.reset(bpf_program__attach_iter(program, nullptr));
  if (!link) {
    if (errno == ESRCH) return std::string();
    return Failed(program);
  }
  kit::OwnedFd fd(bpf_iter_create(bpf_link__fd(link.get())));
  if (!fd) return Failed(program);
  std::string bytes;
  char buffer[32768];
  for (;;) {
    const ssize_t got = read(fd.get(), buffer, sizeof(buffer));
    if (got == 0) return bytes;
    // EAGAIN: the kernel yields after a million objects and wants to be asked again.
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) continue;
    if (got < 0) return Failed(program);
    bytes.append(buffer, static_cast<size_t>(got));
  }
}

}  // namespace belfry::kernel
