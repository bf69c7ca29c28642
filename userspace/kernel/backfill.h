// Processes older than Belfry: each gets a record that says that its image is unknown.
#ifndef BELFRY_KERNEL_BACKFILL_H_
#define BELFRY_KERNEL_BACKFILL_H_

#include "absl/status/status.h"
#include "kernel/snapshot.h"

namespace belfry::kernel {

// After exec, fork and exit are attached: what they have written is never overwritten.
absl::Status Backfill(Snapshot& snapshot, int processes_fd);

}  // namespace belfry::kernel

#endif  // BELFRY_KERNEL_BACKFILL_H_
