// Which TCP ports are guarded, written where the programs look.
#ifndef BELFRY_KERNEL_PORTS_H_
#define BELFRY_KERNEL_PORTS_H_

#include <span>

#include "absl/status/status.h"
#include "kernel/kernel.h"

namespace belfry::kernel {

// Takes the place of what was there, port by port; where two guards name the same, the first has it. `guards_fd` is the
// map port_guards, `bits_fd` guarded_ports.
absl::Status WriteGuardedPorts(std::span<const GuardedPort> ports, int guards_fd, int bits_fd);

}  // namespace belfry::kernel

#endif  // BELFRY_KERNEL_PORTS_H_
