// Time as the kernel part tells it: CLOCK_BOOTTIME, which goes on during suspend and never jumps.
// Unit: nanoseconds. Thread-safe. Code that decides by time takes a Clock, so that its tests own the time.
#ifndef BELFRY_KIT_CLOCK_H_
#define BELFRY_KIT_CLOCK_H_

#include <time.h>

#include <cstdint>
#include <functional>

namespace belfry::kit {

using Clock = std::function<uint64_t()>;

inline constexpr uint64_t kSecondNs = 1'000'000'000;

inline uint64_t ClockNs(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return static_cast<uint64_t>(now.tv_sec) * kSecondNs + static_cast<uint64_t>(now.tv_nsec);
}

inline uint64_t BootNs() { return ClockNs(CLOCK_BOOTTIME); }
inline uint64_t RealNs() { return ClockNs(CLOCK_REALTIME); }  // what file times are compared with

}  // namespace belfry::kit

#endif  // BELFRY_KIT_CLOCK_H_
