// Tells the programs which file names are guarded.
#ifndef BELFRY_KERNEL_NAMES_H_
#define BELFRY_KERNEL_NAMES_H_

#include <span>
#include <string_view>

#include "absl/status/status.h"
#include "kernel/kernel.h"
#include "kernel/name_key.h"

namespace belfry::kernel {

// Its bit in the map guarded_files. `path` as in GuardedName, and not the filesystem's root. Pure.
uint32_t FileBitOf(std::string_view path);

// Descriptors of the maps guarded_names, guarded_files. At every moment each name that was and stays guarded is.
absl::Status WriteGuardedNames(std::span<const GuardedName> names, const NameSecret& secret, int names_fd, int files_fd);

}  // namespace belfry::kernel

#endif  // BELFRY_KERNEL_NAMES_H_
