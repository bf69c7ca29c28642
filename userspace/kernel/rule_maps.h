// Compiled rules in the kernel's maps: there before a guard names them, gone once none does.
#ifndef BELFRY_KERNEL_RULE_MAPS_H_
#define BELFRY_KERNEL_RULE_MAPS_H_

#include <cstdint>
#include <set>

#include "absl/status/status.h"
#include "kernel/kernel.h"

namespace belfry::kernel {

// Descriptors of the maps `policies` and `rule_values`; not owned.
struct RuleMaps {
  int policies = -1;
  int values = -1;

  // Nothing if the policy of this number is there: it never changes. An error leaves none of it.
  absl::Status Write(const PolicyRules& rules) const;
  void DeleteAllBut(const std::set<uint64_t>& numbers) const;
};

}  // namespace belfry::kernel

#endif  // BELFRY_KERNEL_RULE_MAPS_H_
