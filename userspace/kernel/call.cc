#include "kernel/call.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <cerrno>

#include "absl/strings/str_cat.h"
#include "kit/error.h"

namespace belfry::kernel {
namespace {

// See bpf/calls.bpf.c: before 5.14 the answers come in one word.
void Unpack(uint32_t answer, belfry_call& call) {
  call.found = (answer & BELFRY_ANSWER_FOUND) != 0;
  call.alive = (answer & BELFRY_ANSWER_ALIVE) != 0;
  call.client_open = (answer & BELFRY_ANSWER_OPEN) != 0;
  call.in_flight = (answer & BELFRY_ANSWER_FLYING) != 0;
  call.closing = (answer & BELFRY_ANSWER_CLOSING) != 0;
  call.tgid = answer >> BELFRY_ANSWER_TGID_SHIFT & BELFRY_ANSWER_TGID_MASK;
}

}  // namespace

absl::Status Call(const bpf_program* program, belfry_call& call) {
  // The kernel writes the context back over ctx_in, and refuses a ctx_out.
  LIBBPF_OPTS(bpf_test_run_opts, options, .ctx_in = &call, .ctx_size_in = sizeof(call));
  const int error = bpf_prog_test_run_opts(bpf_program__fd(program), &options);
  if (error == 0) {
    if (bpf_program__type(program) == BPF_PROG_TYPE_RAW_TRACEPOINT) Unpack(options.retval, call);
    return absl::OkStatus();
  }
  errno = -error;
  return kit::ErrnoError(absl::StrCat("calling the program ", bpf_program__name(program)));
}

}  // namespace belfry::kernel
