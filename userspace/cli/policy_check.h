// Judges a policy file: every mistake with its place, or what is in it and what is worth a second look.
// Reads the file, the user database, and whether executables are there. Changes nothing.
#ifndef BELFRY_CLI_POLICY_CHECK_H_
#define BELFRY_CLI_POLICY_CHECK_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "engine/config.h"
#include "host/user_names.h"

namespace belfry::cli {

struct PolicyChecked {
  std::string summary;             // "2 guards, 14 rules"
  std::vector<std::string> notes;  // "FILE:12: guard docker, rule 3: ...", as the rules stand
};
// InvalidArgument: the mistakes, one a line.
absl::StatusOr<PolicyChecked> CheckPolicy(const std::string& file, const host::Accounts& accounts);
PolicyChecked NotesOn(const engine::Config& config);

}  // namespace belfry::cli

#endif  // BELFRY_CLI_POLICY_CHECK_H_
