#include "kernel/release.h"

#include <sys/utsname.h>

#include <cstdio>

namespace belfry::kernel {

Release ThisRelease() {
  utsname names = {};
  Release release;
  uname(&names);
  std::sscanf(names.release, "%d.%d", &release.major, &release.minor);
  return release;
}

}  // namespace belfry::kernel
