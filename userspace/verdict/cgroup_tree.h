// Cgroup patterns as a tree of components: all that fit a path are found in one walk down it.
//
// "*", "?" and "[...]" as the shell's, within one component; "**" is any number of components, also none. Patterns that
// part at components without wildcards cost one lookup, however many they are. Thread-safe once built.
#ifndef BELFRY_VERDICT_CGROUP_TREE_H_
#define BELFRY_VERDICT_CGROUP_TREE_H_

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "verdict/rule_bits.h"

namespace belfry::verdict {

class CgroupTree {
 public:
  void Add(std::string_view pattern, size_t rule);

  // Rules with a pattern that fits. Components from `anchored` on are known to be there, not how they are called.
  void Fitting(std::string_view path, size_t anchored, RuleBits& into) const { Walk(path, anchored, false, into); }
  // The same where what is not known is called as the pattern likes.
  void Possible(std::string_view path, size_t anchored, RuleBits& into) const { Walk(path, anchored, true, into); }

 private:
  struct Node {
    absl::flat_hash_map<std::string, std::unique_ptr<Node>> named;
    std::vector<std::pair<std::string, std::unique_ptr<Node>>> globs;
    std::unique_ptr<Node> rest;  // after "**"
    bool stays = false;          // is itself after "**": fits whatever comes
    RulePosting ends;
  };
  using Nodes = absl::flat_hash_set<const Node*>;
  static Node& Child(Node& node, const std::string& part);
  static void Enter(const Node* node, Nodes& nodes);
  static void Step(const Node& node, const std::string* part, bool possible, Nodes& next);
  void Walk(std::string_view path, size_t anchored, bool possible, RuleBits& into) const;

  Node root_;
};

}  // namespace belfry::verdict

#endif  // BELFRY_VERDICT_CGROUP_TREE_H_
