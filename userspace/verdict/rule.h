// One rule of a guard: what must be so of an opener, what must not, and what is done with whom it fits.
//
// A Rule asks something and does not contradict itself, by construction. Values; thread-safe.
#ifndef BELFRY_VERDICT_RULE_H_
#define BELFRY_VERDICT_RULE_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "verdict/facts.h"
#include "verdict/field.h"

namespace belfry::verdict {

// Sorted, unique. Of the values of one field one has to hold (in `all`), or none may (in `none`).
using Values = std::vector<Value>;

class Rule {
 public:
  struct Draft {
    std::string name;  // as the policy calls it, or "allow[2]"
    Values all, none;
    std::optional<Mode> mode;
    int line = 0;
  };
  // InvalidArgument, worded to follow "found ": it asks nothing, or asks for what it excludes.
  static absl::StatusOr<Rule> Of(Draft draft);

  const std::string& name() const { return draft_.name; }
  const Values& all() const { return draft_.all; }
  const Values& none() const { return draft_.none; }
  // What is done with whom this rule fits: deny refuses, warn only tells; without one, or with observe, it may connect.
  std::optional<Mode> mode() const { return draft_.mode; }
  int line() const { return draft_.line; }

 private:
  explicit Rule(Draft draft) : draft_(std::move(draft)) {}

  Draft draft_;
};

// The values of one field.
std::vector<std::string> ValuesOf(const Values& values, Field field);

}  // namespace belfry::verdict

#endif  // BELFRY_VERDICT_RULE_H_
