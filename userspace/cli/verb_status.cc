#include <CLI/CLI.hpp>
#include <memory>

#include "cli/ask.h"
#include "cli/doctor.h"
#include "cli/doctor_daemon.h"
#include "cli/exits.h"
#include "cli/json_text.h"
#include "cli/render_status.h"
#include "cli/verbs.h"
#include "kit/clock.h"

namespace belfry::cli {
namespace {

int Status(bool json, Surroundings& surroundings) {
  absl::StatusOr<Daemon> daemon = Daemon::Reach(surroundings.run_dir);
  if (!daemon.ok()) return Fail(surroundings, daemon.status(), kBlind);
  auto reply = daemon->Ask(&v1::Admin::Stub::Status, v1::StatusRequest());
  if (!reply.ok()) return Fail(surroundings, reply.status(), kBlind);
  reply->set_health(WorstHealth(reply->health(), DaemonSection(absl::OkStatus(), *reply)));  // as doctor would say
  surroundings.out << (json ? JsonText(*reply) : RenderStatus(*reply, surroundings.screen, kit::BootNs()));
  return ExitOf(reply->health());
}

}  // namespace

void AddStatus(CLI::App& app, Surroundings& surroundings, int& exit) {
  auto json = std::make_shared<bool>(false);
  CLI::App* verb = app.add_subcommand("status", "guards, connections, counters, losses and gaps");
  verb->add_flag("--json", *json, "one JSON object");
  verb->footer("Exit: 0 all kept, 1 degraded, 2 blind or no daemon.");
  verb->callback([json, &surroundings, &exit] { exit = Status(*json, surroundings); });
}

}  // namespace belfry::cli
