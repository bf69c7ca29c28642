// One short program run to its end: what it printed, or why not.
#ifndef BELFRY_DEMO_COMMAND_H_
#define BELFRY_DEMO_COMMAND_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace belfry::demo {

// stdout and stderr together. Aborted, with the last line of it, if the program does not end with 0.
absl::StatusOr<std::string> RunCommand(const std::vector<std::string>& words);

}  // namespace belfry::demo

#endif  // BELFRY_DEMO_COMMAND_H_
