// Which TCP ports are guarded and where they are ours, written where the programs look.
#ifndef BELFRY_KERNEL_PORTS_H_
#define BELFRY_KERNEL_PORTS_H_

#include <span>

#include "absl/status/status.h"
#include "kernel/kernel.h"

namespace belfry::kernel {

// Takes the place of what was there, port by port; where two guards name the same, the first has it. `guards_fd` is the
// map port_guards, `bits_fd` guarded_ports.
absl::Status WriteGuardedPorts(std::span<const GuardedPort> ports, int guards_fd, int bits_fd);

// Takes the place of what was there; an error leaves out those that have no room.
absl::Status WriteOwnAddresses(std::span<const belfry_address> addresses, int map_fd);

}  // namespace belfry::kernel

#endif  // BELFRY_KERNEL_PORTS_H_
