#include <CLI/CLI.hpp>
#include <memory>

#include "cli/verbs.h"
#include "demo/demo.h"

namespace belfry::cli {

void AddDemo(CLI::App& app, Surroundings&, int& exit) {
  auto options = std::make_shared<demo::DemoOptions>();
  CLI::App* verb = app.add_subcommand("demo", "run honest and hostile scenes and show who gets an identity");
  verb->add_flag("--spire", options->spire, "against spire-server and spire-agent found on PATH");
  verb->add_option("--scene", options->scene, "only this scene")->type_name("NAME");
  verb->add_flag("--json", options->json, "one JSON object");
  verb->footer("Exit: 0 when every scene ended as the live backend promises.");
  verb->callback([options, &exit] { exit = demo::Run(*options); });
}

}  // namespace belfry::cli
