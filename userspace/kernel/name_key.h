// The key under which a guarded name is known to the programs (wire.h, belfry_name_key).
#ifndef BELFRY_KERNEL_NAME_KEY_H_
#define BELFRY_KERNEL_NAME_KEY_H_

#include <array>
#include <cstdint>
#include <string>

#include "belfry/wire.h"

namespace belfry::kernel {

using NameSecret = std::array<uint64_t, 2>;  // belfry_settings::name_secret

// `path` is absolute within its filesystem, `dev`; empty and "." components do not count. Or "@" and the rest of an abstract
// name, whose first byte is 0: `dev` is its network namespace's inode number. Pure.
belfry_name_key NameKey(const NameSecret& secret, uint32_t dev, const std::string& path);
// "@name" as it is bound. Pure.
std::string AbstractBytes(const std::string& name);

}  // namespace belfry::kernel

#endif  // BELFRY_KERNEL_NAME_KEY_H_
