#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>

#include "cli/ask.h"
#include "cli/doctor.h"
#include "cli/render_doctor.h"
#include "cli/verbs.h"
#include "kit/read_file.h"

namespace belfry::cli {
namespace {

constexpr size_t kFileLimit = 4 << 20;

struct Options {
  bool json = false;
  std::string agent_conf;
};

SpireSetup LookAtSpire(const std::string& path) {
  SpireSetup setup{.conf_path = path};
  const absl::StatusOr<std::string> text = kit::ReadFile(path, kFileLimit);
  setup.read = text.status();
  if (!text.ok()) return setup;
  setup.conf = ReadAgentConf(*text);
  setup.plugin_runs = std::ranges::all_of(setup.conf.attestors, [](const AttestorConf& attestor) {
    return attestor.plugin_cmd.empty() || access(attestor.plugin_cmd.c_str(), X_OK) == 0;
  });
  return setup;
}

Examination Examine(const Surroundings& surroundings, const Options& options) {
  Examination examination{.probes = kernel::RunProbes()};
  absl::StatusOr<Daemon> daemon = Daemon::Reach(surroundings.run_dir);
  examination.asked = daemon.status();
  if (daemon.ok()) {
    auto status = daemon->Ask(&v1::Admin::Stub::Status, v1::StatusRequest());
    examination.asked = status.status();
    if (status.ok()) examination.status = *std::move(status);
  }
  if (!options.agent_conf.empty()) examination.spire = LookAtSpire(options.agent_conf);
  examination.name_sources = ForeignNameSources(kit::ReadFile("/etc/nsswitch.conf", kFileLimit).value_or(""));
  return examination;
}

}  // namespace

void AddDoctor(CLI::App& app, Surroundings& surroundings, int& exit) {
  auto options = std::make_shared<Options>();
  CLI::App* verb = app.add_subcommand("doctor", "what works here, what does not, and what to do about it");
  verb->add_flag("--json", options->json, "one JSON object");
  verb->add_option("--agent-conf", options->agent_conf, "also look at this agent.conf of SPIRE")->type_name("FILE");
  verb->footer("Exit: 0 all kept, 1 degraded, 2 blind. Works without a daemon too.");
  verb->callback([options, &surroundings, &exit] {
    const Examination examination = Examine(surroundings, *options);
    const Diagnosis diagnosis = Diagnose(examination);
    surroundings.out << (options->json ? DoctorJson(diagnosis, examination)
                                       : RenderDoctor(diagnosis, surroundings.screen));
    exit = ExitOf(diagnosis.health);
  });
}

}  // namespace belfry::cli
