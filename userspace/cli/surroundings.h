// What a verb is given besides its own options: where to write, for whom, and where the daemon lives.
#ifndef BELFRY_CLI_SURROUNDINGS_H_
#define BELFRY_CLI_SURROUNDINGS_H_

#include <ostream>
#include <string>

#include "absl/status/status.h"
#include "cli/screen.h"

namespace belfry::cli {

struct Surroundings {
  std::ostream& out;
  std::ostream& err;
  Screen screen;        // of out
  std::string run_dir;  // set by the command line before a verb runs
};

// Says what went wrong in one line; returns `exit`.
inline int Fail(Surroundings& surroundings, const absl::Status& why, int exit) {
  surroundings.err << "belfry: " << Plain(std::string(why.message()), 2048) << "\n";
  return exit;
}

}  // namespace belfry::cli

#endif  // BELFRY_CLI_SURROUNDINGS_H_
