#include <CLI/CLI.hpp>
#include <memory>

#include "cli/ask.h"
#include "cli/exits.h"
#include "cli/json_text.h"
#include "cli/render_explain.h"
#include "cli/verbs.h"
#include "kit/clock.h"

namespace belfry::cli {
namespace {

struct Options {
  int pid = 0;
  bool json = false;
};

int Explain(const Options& options, Surroundings& surroundings) {
  absl::StatusOr<Daemon> daemon = Daemon::Reach(surroundings.run_dir);
  if (!daemon.ok()) return Fail(surroundings, daemon.status(), kUnavailable);
  v1::ExplainRequest request;
  request.set_pid(options.pid);
  const auto reply = daemon->Ask(&v1::Admin::Stub::Explain, request);
  if (absl::IsNotFound(reply.status())) return Fail(surroundings, reply.status(), kUnknown);
  if (!reply.ok()) return Fail(surroundings, reply.status(), kUnavailable);
  surroundings.out << (options.json ? JsonText(*reply) : RenderExplain(*reply, surroundings.screen, kit::BootNs()));
  return reply->known() ? kDone : kUnknown;
}

}  // namespace

void AddExplain(CLI::App& app, Surroundings& surroundings, int& exit) {
  auto options = std::make_shared<Options>();
  CLI::App* verb = app.add_subcommand("explain", "the evidence about a process, in plain words");
  verb->add_option("PID", options->pid, "process number")->required();
  verb->add_flag("--json", options->json, "one JSON object");
  verb->footer("Exit: 0; 3 unknown process; 4 nobody to ask.");
  verb->callback([options, &surroundings, &exit] { exit = Explain(*options, surroundings); });
}

}  // namespace belfry::cli
