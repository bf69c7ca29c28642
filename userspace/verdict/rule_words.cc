#include "verdict/rule_words.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "kit/escape.h"

namespace belfry::verdict {
namespace {

constexpr size_t kValueBytes = 128;
constexpr size_t kValuesShown = 3;

std::string Listed(const std::vector<std::string>& texts, const char* between) {
  std::string line;
  for (size_t i = 0; i < texts.size(); ++i) {
    if (i == kValuesShown && texts.size() > kValuesShown + 1)
      return absl::StrCat(line, between, texts.size() - kValuesShown, " more");
    absl::StrAppend(&line, i == 0 ? "" : between, kit::Escape(texts[i], kValueBytes));
  }
  return line;
}

std::string Found(const Fact& fact) {
  if (fact.unknown.empty() && fact.values.empty()) return fact.shown.empty() ? "none" : kit::Escape(fact.shown, kValueBytes);
  if (fact.unknown.empty()) return Listed(fact.values, ", ");
  if (fact.values.empty()) return absl::StrCat("not known: ", kit::Escape(fact.unknown, kValueBytes));
  return absl::StrCat(Listed(fact.values, ", "), ", perhaps more: ", kit::Escape(fact.unknown, kValueBytes));
}

bool NamedByOthers(const Opener& opener) {
  const std::vector<std::string>& paths = opener[Field::kCgroup].values;
  const auto components = [](const std::string& path) {
    return path == "/" ? 0 : static_cast<size_t>(std::count(path.begin(), path.end(), '/'));
  };
  return !paths.empty() && opener.cgroup_anchored < components(paths.front());
}

// By the compiled rules themselves, so that there is one answer to what fits.
bool Holds(Field field, bool excluded, const Values& values, const Opener& opener) {
  Values own;
  for (const Value& value : values)
    if (value.field() == field) own.push_back(value);
  auto rule = Rule::Of({.all = excluded ? Values() : own, .none = excluded ? own : Values()});
  return rule.ok() && Rules({*std::move(rule)}).Decide(opener).rule.has_value();
}

}  // namespace

std::vector<Compared> Compare(const Rule& rule, const Opener& opener) {
  std::vector<Compared> all;
  for (const Field field : kEveryField) {
    for (const auto& [values, excluded] : {std::pair(&rule.all(), false), std::pair(&rule.none(), true)}) {
      const std::vector<std::string> asked = ValuesOf(*values, field);
      if (asked.empty()) continue;
      all.push_back({.field = field, .excluded = excluded, .holds = Holds(field, excluded, *values, opener),
                     .asked = Listed(asked, " or "), .found = Found(opener[field])});
      if (field == Field::kCgroup && !all.back().holds && NamedByOthers(opener))
        all.back().found += " (partly named by others than root)";
    }
  }
  return all;
}

std::string Mismatch(const Compared& compared) {
  const std::string found = absl::StrCat(FieldKey(compared.field), " is ", compared.found);
  return compared.excluded ? absl::StrCat(found, "; not: ", compared.asked) : absl::StrCat(found, ", not ", compared.asked);
}

std::string WhyNot(const Rules& rules, const Decision& decision, const Opener& opener) {
  if (decision.rule) return absl::StrCat("rule ", rules.all()[*decision.rule].name(), " says ",
                                         ModeName(rules.all()[*decision.rule].mode().value_or(Mode::kObserve)));
  if (!decision.nearest) return "nobody but its own listener may connect";
  const Rule& rule = rules.all()[*decision.nearest];
  std::string line = absl::StrCat("nearest rule ", rule.name(), ": ");
  bool first = true;
  for (const Compared& compared : Compare(rule, opener)) {
    if (compared.holds) continue;
    absl::StrAppend(&line, std::exchange(first, false) ? "" : "; ", Mismatch(compared));
  }
  return line;
}

}  // namespace belfry::verdict
