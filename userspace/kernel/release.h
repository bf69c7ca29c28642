// Which Linux this is, where nothing but its version tells what it does.
#ifndef BELFRY_KERNEL_RELEASE_H_
#define BELFRY_KERNEL_RELEASE_H_

#include <compare>

namespace belfry::kernel {

struct Release {
  int major = 0, minor = 0;
  auto operator<=>(const Release&) const = default;
};

Release ThisRelease();  // as uname(2) says

}  // namespace belfry::kernel

#endif  // BELFRY_KERNEL_RELEASE_H_
