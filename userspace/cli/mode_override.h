// The operator's word on modes while no daemon runs: run_dir/mode.override.json, honoured by belfryd at its start.
//
// {"schema":1,"guards":{"NAME":"deny"}}; the name "*" stands for every guard that is not named. Written as a whole and
// renamed into place; what an earlier override says about other guards stays, unless all are set.
#ifndef BELFRY_CLI_MODE_OVERRIDE_H_
#define BELFRY_CLI_MODE_OVERRIDE_H_

#include <string>

#include "absl/status/statusor.h"

namespace belfry::cli {

// The file's next text. `before` is the present one, "" if there is none. Pure.
absl::StatusOr<std::string> NextOverride(const std::string& before, const std::string& guard, const std::string& mode);

// `guard` "*": all. Returns the path written; makes run_dir if needed.
absl::StatusOr<std::string> WriteModeOverride(const std::string& run_dir, const std::string& guard,
                                              const std::string& mode);

}  // namespace belfry::cli

#endif  // BELFRY_CLI_MODE_OVERRIDE_H_
