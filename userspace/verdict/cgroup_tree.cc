#include "verdict/cgroup_tree.h"

#include <fnmatch.h>

#include <algorithm>

#include "absl/strings/str_split.h"

namespace belfry::verdict {
namespace {

std::vector<std::string> Split(std::string_view path) {
  return absl::StrSplit(absl::string_view(path.data(), path.size()), '/', absl::SkipEmpty());
}

}  // namespace

void CgroupTree::Add(std::string_view pattern, size_t rule) {
  Node* at = &root_;
  for (const std::string& part : Split(pattern)) at = &Child(*at, part);
  at->ends.Add(rule);
}

CgroupTree::Node& CgroupTree::Child(Node& node, const std::string& part) {
  const auto made = [](std::unique_ptr<Node>& child) -> Node& {
    if (child == nullptr) child = std::make_unique<Node>();
    return *child;
  };
  if (part == "**") {
    Node& rest = made(node.rest);
    rest.stays = true;
    return rest;
  }
  if (part.find_first_of("*?[\\") == std::string::npos) return made(node.named[part]);
  const auto same = std::find_if(node.globs.begin(), node.globs.end(), [&](const auto& glob) { return glob.first == part; });
  if (same != node.globs.end()) return *same->second;
  return made(node.globs.emplace_back(part, nullptr).second);
}

void CgroupTree::Enter(const Node* node, Nodes& nodes) {
  for (; node != nullptr && nodes.insert(node).second; node = node->rest.get()) {
  }
}

// `part`: the next component, null if it is not known how it is called.
void CgroupTree::Step(const Node& node, const std::string* part, bool possible, Nodes& next) {
  if (node.stays) Enter(&node, next);
  if (part == nullptr && !possible) return;
  if (part == nullptr) {
    for (const auto& [name, child] : node.named) Enter(child.get(), next);
    for (const auto& [glob, child] : node.globs) Enter(child.get(), next);
    return;
  }
  if (const auto found = node.named.find(*part); found != node.named.end()) Enter(found->second.get(), next);
  for (const auto& [glob, child] : node.globs)
    if (fnmatch(glob.c_str(), part->c_str(), 0) == 0) Enter(child.get(), next);
}

void CgroupTree::Walk(std::string_view path, size_t anchored, bool possible, RuleBits& into) const {
  Nodes nodes;
  Enter(&root_, nodes);
  size_t depth = 0;
  for (const std::string& part : Split(path)) {
    Nodes next;
    for (const Node* node : nodes) Step(*node, depth < anchored ? &part : nullptr, possible, next);
    nodes = std::move(next);
    ++depth;
  }
  for (const Node* node : nodes) into.Add(node->ends);
}

}  // namespace belfry::verdict
