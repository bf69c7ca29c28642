// What SPIRE's built-in `unix` attestor would answer: the same values in the same order, or an error of the same code.
//
// Read from /proc at the moment of the question, which is exactly what Belfry exists to improve on: used in observe and
// warn only. With discover_workload_path it opens the executable, whose filesystem may block: then call it on
// LocalAnswers. Thread-safe.
// Source: SPIRE 1.15.3 pkg/agent/plugin/workloadattestor/unix (spire-facts 3).
#ifndef BELFRY_PLUGIN_BUILTIN_H_
#define BELFRY_PLUGIN_BUILTIN_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "plugin/configuration.h"
#include "verdict/selectors.h"

namespace belfry::plugin {

// Of the agent's own root.
struct Names {
  verdict::NameOf user;
  verdict::NameOf group;
};

// Every error is Internal, as the built-in's are. A digest is given up when `wanted` returns false.
absl::StatusOr<std::vector<std::string>> AnswerAsBuiltin(int32_t pid, const Configuration& configuration,
                                                         const Names& names, const std::function<bool()>& wanted);

// Whose process it is: the key of its LocalAnswers. Does not block. 0 if there is no such process.
uint64_t OwnerOf(int32_t pid);

}  // namespace belfry::plugin

#endif  // BELFRY_PLUGIN_BUILTIN_H_
