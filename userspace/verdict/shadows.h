// Rules that can never decide, since an earlier one fits whoever they fit.
// Pure; thread-safe. Not every one is found: only those that ask for one value of each field.
#ifndef BELFRY_VERDICT_SHADOWS_H_
#define BELFRY_VERDICT_SHADOWS_H_

#include <cstddef>
#include <vector>

#include "verdict/rules.h"

namespace belfry::verdict {

struct Shadow {
  size_t rule = 0;
  size_t earlier = 0;
};
std::vector<Shadow> Shadows(const Rules& rules);

}  // namespace belfry::verdict

#endif  // BELFRY_VERDICT_SHADOWS_H_
