// belfry learn: from lines to a policy, on standard output or into a file that is there.
#ifndef BELFRY_CLI_LEARN_H_
#define BELFRY_CLI_LEARN_H_

#include <istream>
#include <string>

#include "absl/status/status.h"
#include "cli/surroundings.h"
#include "engine/learnt.h"
#include "host/user_names.h"

namespace belfry::cli {

// The lines of belfry audit --json. InvalidArgument: a line that is none, with its number; nothing of it is learnt then.
absl::Status ReadLines(std::istream& in, const std::string& name, engine::Learnt& learnt);

// `merge`: the file to add to, empty: none. Returns the exit code.
int WriteLearnt(const engine::Learnt& learnt, const std::string& merge, const host::Accounts& accounts,
                Surroundings& surroundings);

}  // namespace belfry::cli

#endif  // BELFRY_CLI_LEARN_H_
