// Hangs a program on the entry of a kernel function so that it holds its CPU while it runs.
#ifndef BELFRY_KERNEL_KPROBE_H_
#define BELFRY_KERNEL_KPROBE_H_

#include "kit/owned_fd.h"

namespace belfry::kernel {

// The link, which can be pinned; empty and errno where it cannot be had (links of this kind: Linux 5.15).
kit::OwnedFd AttachKprobe(const char* function, int program_fd);

}  // namespace belfry::kernel

#endif  // BELFRY_KERNEL_KPROBE_H_
