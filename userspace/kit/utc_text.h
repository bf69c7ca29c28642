// A moment as ISO 8601 in UTC, to the second and without a zone: "2026-11-26T13:20:23". Who needs more appends it.
// Thread-safe.
#ifndef BELFRY_KIT_UTC_TEXT_H_
#define BELFRY_KIT_UTC_TEXT_H_

#include <cstdint>
#include <string>

namespace belfry::kit {

std::string UtcText(uint64_t wall_ns);  // CLOCK_REALTIME

}  // namespace belfry::kit

#endif  // BELFRY_KIT_UTC_TEXT_H_
