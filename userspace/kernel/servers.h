// The map `servers`: who serves which guard by its listener rule, and is never limited.
#ifndef BELFRY_KERNEL_SERVERS_H_
#define BELFRY_KERNEL_SERVERS_H_

#include <span>

#include "absl/status/status.h"
#include "kernel/kernel.h"

namespace belfry::kernel {

// These and no others; whoever stays is there all the time.
absl::Status WriteServers(std::span<const GuardServer> servers, int map_fd);

}  // namespace belfry::kernel

#endif  // BELFRY_KERNEL_SERVERS_H_
