#include "kernel/rule_maps.h"

#include <bpf/bpf.h>

#include "kernel/map_keys.h"
#include "kit/error.h"

namespace belfry::kernel {

// The policy last: who finds it finds its values.
absl::Status RuleMaps::Write(const PolicyRules& rules) const {
  belfry_policy there;
  if (bpf_map_lookup_elem(policies, &rules.number, &there) == 0) return absl::OkStatus();
  for (const auto& [value, bits] : rules.values) {
    belfry_rule_key key = value;
    key.policy = rules.number;
    if (bpf_map_update_elem(this->values, &key, &bits, BPF_ANY) == 0) continue;
    const absl::Status full = kit::ErrnoError("writing a guard's rules into the kernel", "name fewer users, groups and files in rules");
    DeleteUnwanted<belfry_rule_key>(this->values, [&](const belfry_rule_key& one) { return one.policy != rules.number; });
    return full;
  }
  if (bpf_map_update_elem(policies, &rules.number, &rules.policy, BPF_ANY) != 0)
    return kit::ErrnoError("writing a guard's policy into the kernel");
  return absl::OkStatus();
}

void RuleMaps::DeleteAllBut(const std::set<uint64_t>& numbers) const {
  DeleteUnwanted<uint64_t>(policies, [&](uint64_t number) { return numbers.contains(number); });
  DeleteUnwanted<belfry_rule_key>(values, [&](const belfry_rule_key& key) { return numbers.contains(key.policy); });
}

}  // namespace belfry::kernel
