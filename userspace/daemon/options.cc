#include "daemon/options.h"

#include <CLI/CLI.hpp>

#include "daemon/version.h"

namespace belfry::daemon {

std::optional<Options> ParseOptions(int argc, char** argv, int& exit_code) {
  Options options;
  CLI::App app("belfryd: pins who connects to guarded sockets, and judges them when asked", "belfryd");
  app.set_version_flag("--version", std::string("belfryd ") + kVersion);
  app.add_option("--config", options.config, "the configuration (YAML)")->type_name("FILE")->capture_default_str();
  app.add_flag("--check", options.check, "validate the configuration and end: 0 good, 2 bad");
  app.add_flag("--uninstall", options.uninstall, "remove everything that was pinned; needs no configuration");
  app.add_option("--bpffs", options.bpffs, "where --uninstall looks")->type_name("DIR")->capture_default_str();
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    exit_code = app.exit(error) == 0 ? kExitDone : kExitBadConfiguration;
    return std::nullopt;
  }
  return options;
}

}  // namespace belfry::daemon
