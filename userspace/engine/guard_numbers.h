// Which number a guard has in the kernel's records. Records outlive the daemon, so a name keeps its number across
// restarts and reloads: numbers are kept in run_dir/guards.json, which lives as long as the pins do (both end at boot).
#ifndef BELFRY_ENGINE_GUARD_NUMBERS_H_
#define BELFRY_ENGINE_GUARD_NUMBERS_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "belfry/wire.h"

namespace belfry::engine {

inline constexpr uint32_t kCanaryGuard = BELFRY_GUARDS_MAX - 1;

class GuardNumbers {
 public:
  // `file` empty: nothing is kept.
  explicit GuardNumbers(std::string file) : file_(std::move(file)) {}

  // Reads what was kept. NotFound: nothing was, so numbers in records of an earlier daemon mean nothing.
  absl::Status Load();
  // nullopt: no guard bore that name.
  std::optional<uint32_t> Find(const std::string& name) const;
  // The numbers of these names; new ones get free ones. ResourceExhausted: more than there are.
  absl::StatusOr<std::map<std::string, uint32_t>> Assign(const std::vector<std::string>& names);

 private:
  const std::string file_;
  std::map<std::string, uint32_t> numbers_;
};

}  // namespace belfry::engine

#endif  // BELFRY_ENGINE_GUARD_NUMBERS_H_
