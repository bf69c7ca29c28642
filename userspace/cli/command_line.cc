#include "cli/command_line.h"

#include <CLI/CLI.hpp>
#include <string>

#include "cli/exits.h"
#include "cli/verbs.h"
#include "cli/version.h"

namespace belfry::cli {
namespace {

constexpr char kPurpose[] =
    "Belfry binds a process to the connection it opened, in the kernel, at the moment it connects, and lets an "
    "identity "
    "go to nobody else.";

}  // namespace

int RunCommandLine(int argc, const char* const* argv, Surroundings& surroundings) {
  CLI::App app(kPurpose, "belfry");
  app.require_subcommand(1);
  app.fallthrough();  // --run-dir may stand after the verb too
  app.set_version_flag("--version", std::string("belfry ") + kVersion);
  app.add_option("--run-dir", surroundings.run_dir, "where belfryd's sockets are")
      ->type_name("DIR")
      ->envname("BELFRY_RUN_DIR")
      ->default_val("/run/belfry");
  int exit = kDone;
  for (const auto add : {AddDemo, AddDoctor, AddAttest, AddExplain, AddStatus, AddMode, AddReload, AddAudit, AddPolicy, AddLearn}) {
    add(app, surroundings, exit);
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {  // CLI11's way to end --help too
    return app.exit(error, surroundings.out, surroundings.err) == 0 ? kDone : kUsage;
  }
  return exit;
}

}  // namespace belfry::cli
