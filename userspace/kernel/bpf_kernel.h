// The real kernel: loads or adopts the pinned programs and maps.
#ifndef BELFRY_KERNEL_BPF_KERNEL_H_
#define BELFRY_KERNEL_BPF_KERNEL_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "kernel/kernel.h"

namespace belfry::kernel {

struct BpfOptions {
  // Where bpffs is or will be mounted (our own one if nothing is there). Pins live in <bpffs>/belfry-<layout hash>/.
  std::string bpffs = "/sys/fs/bpf";
  bool pin = true;  // false: embedded use; everything goes when the process ends
  uint32_t max_connections = 65536;
  uint32_t max_processes = 65536;
  uint32_t max_buckets = 16384;  // uids, cgroups and images that limits count, of all guards
  uint32_t ring_bytes = 4 << 20;
  bool refuse_splice = false;  // at the price of a look at every read and write of this machine
  // The root directory against which "another mount namespace" and "another root" are judged.
  enum class Reference { kInit, kSelf } reference = Reference::kInit;
};

struct Opened {
  std::unique_ptr<Kernel> kernel;
  bool adopted = false;  // programs of an earlier daemon were still attached: no gap
};

absl::StatusOr<Opened> OpenKernel(const BpfOptions& options);

// Removes every pin of every layout below `bpffs`; needs no daemon and no valid configuration. Returns how many.
absl::StatusOr<int> RemovePins(const std::string& bpffs);

}  // namespace belfry::kernel

#endif  // BELFRY_KERNEL_BPF_KERNEL_H_
