#include "verdict/rule.h"

#include <algorithm>
#include <iterator>
#include <set>

#include "absl/strings/str_cat.h"
#include "kit/escape.h"

namespace belfry::verdict {
namespace {

constexpr size_t kShownBytes = 256;

void Settle(Values& values) {
  std::sort(values.begin(), values.end());
  values.erase(std::unique(values.begin(), values.end()), values.end());
}

}  // namespace

absl::StatusOr<Rule> Rule::Of(Draft draft) {
  Settle(draft.all);
  Settle(draft.none);
  if (draft.all.empty() && draft.none.empty()) return absl::InvalidArgumentError("a rule that asks nothing");
  Values both;
  std::set_intersection(draft.all.begin(), draft.all.end(), draft.none.begin(), draft.none.end(), std::back_inserter(both));
  if (!both.empty())
    return absl::InvalidArgumentError(absl::StrCat("a rule that fits nobody: ", FieldKey(both.front().field()), " ",
                                                   kit::Escape(both.front().text(), kShownBytes),
                                                   " is asked for and excluded"));
  return Rule(std::move(draft));
}

std::vector<std::string> ValuesOf(const Values& values, Field field) {
  std::vector<std::string> texts;
  for (const Value& value : values)
    if (value.field() == field) texts.push_back(value.text());
  return texts;
}

}  // namespace belfry::verdict
