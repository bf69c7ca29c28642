#include "verdict/shadows.h"

#include <limits>
#include <optional>

namespace belfry::verdict {
namespace {

// Whoever this rule fits is at least that; nullopt: it asks for one of several.
std::optional<Opener> Least(const Rule& rule) {
  Opener opener;
  for (const Field field : kEveryField) {
    const std::vector<std::string> texts = ValuesOf(rule.all(), field);
    if (texts.size() > 1) return std::nullopt;
    opener[field].unknown = "not asked";
    if (texts.empty()) continue;
    if (field == Field::kCgroup && texts.front().find_first_of("*?[\\") != std::string::npos) return std::nullopt;
    opener[field].values = texts;
    if (field != Field::kGid && field != Field::kAncestor) opener[field].unknown.clear();
  }
  opener.cgroup_anchored = std::numeric_limits<size_t>::max();
  return opener;
}

}  // namespace

std::vector<Shadow> Shadows(const Rules& rules) {
  std::vector<Shadow> found;
  for (size_t i = 0; i < rules.all().size(); ++i) {
    const auto least = Least(rules.all()[i]);
    const auto first = least ? rules.First(*least) : std::nullopt;
    if (first && *first < i) found.push_back({.rule = i, .earlier = *first});
  }
  return found;
}

}  // namespace belfry::verdict
