#include "kernel/call.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <cerrno>

#include "absl/strings/str_cat.h"
#include "kit/error.h"

namespace belfry::kernel {

absl::Status Call(const bpf_program* program, belfry_call& call) {
  // The kernel writes the context back over ctx_in, and refuses a ctx_out.
  LIBBPF_OPTS(bpf_test_run_opts, options, .ctx_in = &call, .ctx_size_in = sizeof(call));
  const int error = bpf_prog_test_run_opts(bpf_program__fd(program), &options);
  if (error == 0) return absl::OkStatus();
  errno = -error;
  return kit::ErrnoError(absl::StrCat("calling the program ", bpf_program__name(program)));
}

}  // namespace belfry::kernel
