// belfry(1).
#include <unistd.h>

#include <cstdlib>
#include <iostream>

#include "cli/command_line.h"

int main(int argc, char** argv) {
  setenv("GRPC_VERBOSITY", "NONE", /*overwrite=*/0);  // what went wrong is said once, by us
  belfry::cli::Surroundings surroundings{std::cout, std::cerr, belfry::cli::ScreenOf(STDOUT_FILENO), {}};
  return belfry::cli::RunCommandLine(argc, argv, surroundings);
}
