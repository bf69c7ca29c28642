// What belfryd may still do once its programs are attached. Call while the process has one thread: capabilities are a
// thread's own, and those made later inherit what is left.
#ifndef BELFRY_DAEMON_PRIVILEGES_H_
#define BELFRY_DAEMON_PRIVILEGES_H_

#include <cstdint>
#include <optional>
#include <span>

#include "absl/status/status.h"

namespace belfry::daemon {

struct Kept {
  int capability;
  const char* name;
  const char* why;
};

// The table; the unit's CapabilityBoundingSet is this and what start-up needs.
std::span<const Kept> KeptCapabilities();

// Keeps those of the table that the process has, for good: nothing it executes gets more, nobody may trace it.
// Takes up group `admin_group` (if there is one) and the metrics' while it still can, so that sockets can be given to them.
absl::Status DropPrivileges(const char* admin_group, std::optional<uint32_t> metrics_group);

}  // namespace belfry::daemon

#endif  // BELFRY_DAEMON_PRIVILEGES_H_
