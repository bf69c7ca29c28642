// Which lines of a bounded queue give way first when its reader is slow: a flood of ordinary ones leaves room for those
// that must not be lost. Pure.
#ifndef BELFRY_KIT_URGENCY_H_
#define BELFRY_KIT_URGENCY_H_

#include <cstddef>

namespace belfry::kit {

enum class Urgency {
  kOfLosses,  // how many lines were lost: said once the reader has caught up, or it would be said after every line
  kOrdinary,
  kUrgent,
};

// How many lines may be waiting in a queue of `limit` for one more of this urgency to be taken.
constexpr size_t RoomFor(Urgency urgency, size_t limit) {
  switch (urgency) {
    case Urgency::kOfLosses: return limit / 2;
    case Urgency::kOrdinary: return limit - limit / 8;
    case Urgency::kUrgent: return limit;
  }
  return 0;
}

}  // namespace belfry::kit

#endif  // BELFRY_KIT_URGENCY_H_
