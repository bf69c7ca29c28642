// Short ways to write rules and openers down.
#ifndef BELFRY_TESTS_VERDICT_POLICY_H_
#define BELFRY_TESTS_VERDICT_POLICY_H_

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "verdict/rules.h"

namespace belfry::verdict {

using Asked = std::vector<std::pair<Field, std::string>>;

inline Values ValuesFrom(const Asked& asked) {
  Values values;
  for (const auto& [field, text] : asked) {
    const auto value = Value::Of(field, text);
    if (value) values.push_back(*value);
    else ADD_FAILURE() << FieldKey(field) << " takes no " << text;
  }
  return values;
}

inline Rule RuleFrom(const Asked& all, const Asked& none = {}, std::optional<Mode> mode = {}, std::string name = "r") {
  return Rule::Of({.name = std::move(name), .all = ValuesFrom(all), .none = ValuesFrom(none), .mode = mode}).value();
}

// Everything is known of it, and is nothing but this.
inline Opener OpenerOf(const Asked& facts) {
  Opener opener;
  for (const auto& [field, text] : facts) opener[field].values.push_back(text);
  opener.cgroup_anchored = 100;
  return opener;
}

}  // namespace belfry::verdict

#endif  // BELFRY_TESTS_VERDICT_POLICY_H_
