// Runs a program of bpf/calls.bpf.c once, in the kernel, on our behalf.
#ifndef BELFRY_KERNEL_CALL_H_
#define BELFRY_KERNEL_CALL_H_

#include "absl/status/status.h"
#include "kernel/skeleton.h"

namespace belfry::kernel {

// In and out through `call`.
absl::Status Call(const bpf_program* program, belfry_call& call);

}  // namespace belfry::kernel

#endif  // BELFRY_KERNEL_CALL_H_
