// The command line of belfry(1): finds the verb and runs it.
#ifndef BELFRY_CLI_COMMAND_LINE_H_
#define BELFRY_CLI_COMMAND_LINE_H_

#include "cli/surroundings.h"

namespace belfry::cli {

// Returns the exit code of the program.
int RunCommandLine(int argc, const char* const* argv, Surroundings& surroundings);

}  // namespace belfry::cli

#endif  // BELFRY_CLI_COMMAND_LINE_H_
