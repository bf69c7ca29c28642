// A plain evaluator that lives only in tests: it reads the rules as the manual tells them, one after the other.
#ifndef BELFRY_TESTS_VERDICT_REFERENCE_H_
#define BELFRY_TESTS_VERDICT_REFERENCE_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_split.h"
#include "verdict/policy.h"

namespace belfry::verdict {

using Parts = std::vector<std::string>;
inline Parts PartsOf(const std::string& path) { return absl::StrSplit(path, '/', absl::SkipEmpty()); }

// Only "*" alone and "x*" are made below.
inline bool PartFits(const std::string& glob, const std::string& part) {
  if (glob.back() != '*') return glob == part;
  return part.compare(0, glob.size() - 1, glob, 0, glob.size() - 1) == 0;
}

inline bool PathFits(const Parts& glob, size_t g, const Parts& path, size_t p, size_t anchored, bool in_doubt) {
  if (g == glob.size()) return p == path.size();
  if (glob[g] == "**")
    return PathFits(glob, g + 1, path, p, anchored, in_doubt) ||
           (p < path.size() && PathFits(glob, g, path, p + 1, anchored, in_doubt));
  if (p == path.size()) return false;
  return (p < anchored ? PartFits(glob[g], path[p]) : in_doubt) && PathFits(glob, g + 1, path, p + 1, anchored, in_doubt);
}

inline bool ValueHolds(const Value& value, const Opener& opener, bool in_doubt) {
  for (const std::string& found : opener[value.field()].values) {
    if (value.field() == Field::kCgroup) {
      if (PathFits(PartsOf(value.text()), 0, PartsOf(found), 0, opener.cgroup_anchored, in_doubt)) return true;
    } else if (found == value.text()) {
      return true;
    }
  }
  return false;
}

inline bool FieldHolds(const Rule& rule, Field field, const Opener& opener) {
  bool asked = false, held = false;
  for (const Value& value : rule.all()) {
    if (value.field() != field) continue;
    asked = true;
    held = held || ValueHolds(value, opener, false);
  }
  for (const Value& value : rule.none())
    if (value.field() == field && (!opener[field].unknown.empty() || ValueHolds(value, opener, true))) return false;
  return !asked || held;
}

inline bool Asks(const Rule& rule, Field field) {
  return !ValuesOf(rule.all(), field).empty() || !ValuesOf(rule.none(), field).empty();
}

inline Decision Reference(const std::vector<Rule>& rules, const Opener& opener) {
  Decision decision;
  std::pair<int, int> best;  // fewest that fail, most that hold
  for (size_t i = 0; i < rules.size(); ++i) {
    int fails = 0, holds = 0;
    for (const Field field : kEveryField)
      if (Asks(rules[i], field)) ++(FieldHolds(rules[i], field, opener) ? holds : fails);
    if (fails == 0) return {.rule = i};
    const std::pair<int, int> rank(-fails, holds);
    if (!decision.nearest || rank > best) {
      best = rank;
      decision.nearest = i;
    }
  }
  return decision;
}

}  // namespace belfry::verdict

#endif  // BELFRY_TESTS_VERDICT_REFERENCE_H_
