// The rules of one guard, compiled: which is the first that fits an opener, and if none does, which came nearest.
//
// A bit for each rule and a map for each field: one lookup for each value, one AND for each field, whatever the number of
// rules (a word for 64 of them). Thread-safe once built; pure.
#ifndef BELFRY_VERDICT_RULES_H_
#define BELFRY_VERDICT_RULES_H_

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "verdict/cgroup_tree.h"
#include "verdict/opener.h"
#include "verdict/rule.h"
#include "verdict/rule_bits.h"

namespace belfry::verdict {

struct Decision {
  std::optional<size_t> rule;  // the first that fits
  // If none does: of those with the fewest fields that fail the one with the most that hold, the first of these.
  std::optional<size_t> nearest;
  bool undecided = false;  // the digest, once it is known, may give another answer
};

class Rules {
 public:
  explicit Rules(std::vector<Rule> rules);

  Decision Decide(const Opener& opener) const;
  std::optional<size_t> First(const Opener& opener) const { return Fit(opener, false).all_of_them.First(); }

  const std::vector<Rule>& all() const { return rules_; }
  bool Asks(Field field) const;
  // Every value that some rule names, sorted, unique.
  std::vector<std::string> Named(Field field) const;

 private:
  struct Index {
    absl::flat_hash_map<std::string, RulePosting> by_value;
    RuleBits asking;  // rules that name a value of this field
  };
  using Indexes = std::array<Index, kFields>;
  struct Fitted {
    std::array<RuleBits, kFields> fields;  // per field, the rules that it does not speak against
    RuleBits all_of_them;
  };

  void Compile(const Values& values, size_t rule, Indexes& indexes, CgroupTree& cgroups);
  RuleBits Holding(const Opener& opener, Field field) const;   // rules one of whose values holds
  RuleBits Excluding(const Opener& opener, Field field) const;  // rules one of whose exclusions holds, or may
  Fitted Fit(const Opener& opener, bool any_digest) const;
  size_t Nearest(const Fitted& fitted) const;

  std::vector<Rule> rules_;
  Indexes all_, none_;
  CgroupTree cgroups_all_, cgroups_none_;
};

// ---- what a decision means for a guard ----

struct Ruling {
  bool allowed = true;
  Mode mode = Mode::kObserve;  // of what is not allowed: deny refuses, warn and observe do not
};
// A rule's own mode goes before the guard's, except where the guard observes: then nothing is refused.
Ruling RulingOf(const Rules& rules, const Decision& decision, Mode guard_mode);

}  // namespace belfry::verdict

#endif  // BELFRY_VERDICT_RULES_H_
