// Configured paths as the kernel part recognises them: a filesystem and the names within it. Or "@name", an abstract one.
//
// A name is guarded whether or not anything is bound there yet, so that an agent's restart leaves no window. A path
// that is a symbolic link is guarded under its own name and under its target's. May block on a dead filesystem.
#ifndef BELFRY_ENGINE_SOCKET_NAMES_H_
#define BELFRY_ENGINE_SOCKET_NAMES_H_

#include <string>
#include <vector>

#include "engine/guard.h"
#include "kernel/kernel.h"

namespace belfry::engine {

// All names of all guards; each guard's notes say per socket what stands in the way (empty: a socket is there).
std::vector<kernel::GuardedName> ResolveNames(kernel::Kernel& kernel, Guards& guards);

// The names of one path, and what is wrong with what stands there now.
struct PathNames {
  std::vector<kernel::GuardedName> names;  // guard and socket are the caller's to fill
  std::string note;
};
PathNames ResolvePath(kernel::Kernel& kernel, const std::string& path);

}  // namespace belfry::engine

#endif  // BELFRY_ENGINE_SOCKET_NAMES_H_
