#include "kit/utc_text.h"

#include <time.h>

#include "kit/clock.h"

namespace belfry::kit {

std::string UtcText(uint64_t wall_ns) {
  const time_t seconds = static_cast<time_t>(wall_ns / kSecondNs);
  tm parts{};
  gmtime_r(&seconds, &parts);
  char text[40];
  strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts);
  return text;
}

}  // namespace belfry::kit
