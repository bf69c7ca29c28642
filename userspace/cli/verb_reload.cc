#include <CLI/CLI.hpp>

#include "cli/ask.h"
#include "cli/exits.h"
#include "cli/verbs.h"

namespace belfry::cli {
namespace {

int Reload(Surroundings& surroundings) {
  absl::StatusOr<Daemon> daemon = Daemon::Reach(surroundings.run_dir);
  if (!daemon.ok()) return Fail(surroundings, daemon.status(), kUnavailable);
  const auto reply = daemon->Ask(&v1::Admin::Stub::Reload, v1::ReloadRequest());
  if (!reply.ok())
    return Fail(surroundings, reply.status(), absl::IsUnavailable(reply.status()) ? kUnavailable : kFailed);
  surroundings.out << (reply->message().empty() ? "reloaded" : Plain(reply->message(), 2048)) << "\n";
  return kDone;
}

}  // namespace

void AddReload(CLI::App& app, Surroundings& surroundings, int& exit) {
  CLI::App* verb = app.add_subcommand("reload", "let belfryd read its configuration again; a bad file changes nothing");
  verb->footer("Exit: 0 done, 1 the file is bad (nothing changed), 4 nobody to ask.");
  verb->callback([&surroundings, &exit] { exit = Reload(surroundings); });
}

}  // namespace belfry::cli
