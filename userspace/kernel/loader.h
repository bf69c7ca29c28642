// Brings the programs and maps to life, or finds them alive.
#ifndef BELFRY_KERNEL_LOADER_H_
#define BELFRY_KERNEL_LOADER_H_

#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "kernel/bpf_kernel.h"
#include "kernel/hooks.h"
#include "kernel/objects.h"
#include "kernel/skeleton.h"
#include "kit/owned_fd.h"

namespace belfry::kernel {

struct Loaded {
  Skeleton skeleton;                                    // maps and the programs that are only called
  const Object* object = nullptr;                       // that the kernel took
  absl::flat_hash_map<std::string, kit::OwnedFd> links;  // hook name to link; without those left out
  bool adopted = false;                                  // every link was alive before
  // Another object's that did the same into the same maps, each of them alive: they act until ours do.
  absl::flat_hash_map<std::string, kit::OwnedFd> before;
  uint64_t generation = 0;                               // of the programs attached anew (wire.h, settings)
};

// After this the maps and the callable programs are there, and the links that could be adopted; no new link yet, so that
// settings are in place before the first program runs.
absl::StatusOr<Loaded> Load(Backend backend, const BpfOptions& options);
// Unless all were adopted: attaches every hook, each of which acts from then on, if options.pin pins them, and lets no
// older ones act any more.
absl::Status AttachHooks(Backend backend, const BpfOptions& options, Loaded& loaded);

}  // namespace belfry::kernel

#endif  // BELFRY_KERNEL_LOADER_H_
