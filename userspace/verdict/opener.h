// What is known of whoever opens a connection, in the words that rules use. Values; gathered by engine/.
#ifndef BELFRY_VERDICT_OPENER_H_
#define BELFRY_VERDICT_OPENER_H_

#include <array>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "verdict/field.h"

namespace belfry::verdict {

// Of one field. What is not known is neither so nor not so: it meets no condition, and no `not` either.
struct Fact {
  std::vector<std::string> values;  // spelt as Value::text; several where several are true (groups, ancestors)
  std::string unknown;              // why there may be more; empty: these are all
  std::string shown;                // for people, where no value says it; never compared

  static Fact Known(std::string value) { return {.values = {std::move(value)}, .unknown = {}, .shown = {}}; }
  static Fact Unknown(std::string why) { return {.values = {}, .unknown = std::move(why), .shown = {}}; }
};

struct Opener {
  std::array<Fact, kFields> facts;
  // How many components of the cgroup's path only root could have named. What stands below is its owner's word.
  size_t cgroup_anchored = 0;
  bool digest_pending = false;  // sha256 is unknown, and will be known

  Fact& operator[](Field field) { return facts[IndexOf(field)]; }
  const Fact& operator[](Field field) const { return facts[IndexOf(field)]; }
};

}  // namespace belfry::verdict

#endif  // BELFRY_VERDICT_OPENER_H_
