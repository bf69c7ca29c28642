#include <CLI/CLI.hpp>
#include <map>
#include <memory>

#include "cli/ask.h"
#include "cli/exits.h"
#include "cli/json_text.h"
#include "cli/render_attest.h"
#include "cli/verbs.h"

namespace belfry::cli {
namespace {

struct Options {
  int pid = 0;
  std::string guard;
  std::string profile = "unix";
  bool json = false;
};

int ExitOfVerdict(const std::string& verdict) {
  static const std::map<std::string, int> kExits = {{"sound", kDone}, {"withheld", kWithheld}, {"not_ours", kUnknown}};
  const auto found = kExits.find(verdict);
  return found == kExits.end() ? kUnavailable : found->second;
}

int Attest(const Options& options, Surroundings& surroundings) {
  absl::StatusOr<Daemon> daemon = Daemon::Reach(surroundings.run_dir);
  if (!daemon.ok()) return Fail(surroundings, daemon.status(), kUnavailable);
  v1::AdminAttestRequest request;
  request.set_pid(options.pid);
  request.set_guard(options.guard);
  request.set_profile(options.profile);
  const auto answer = daemon->Ask(&v1::Admin::Stub::Attest, request);
  if (!answer.ok()) return Fail(surroundings, answer.status(), kUnavailable);
  surroundings.out << (options.json ? JsonText(*answer) : RenderAttest(*answer, surroundings.screen));
  return ExitOfVerdict(answer->verdict());
}

}  // namespace

void AddAttest(CLI::App& app, Surroundings& surroundings, int& exit) {
  auto options = std::make_shared<Options>();
  CLI::App* verb = app.add_subcommand("attest", "what SPIRE's agent would be told about a process, and why");
  verb->add_option("PID", options->pid, "process number")->required();
  verb->add_option("--guard", options->guard, "on this guard (default: the one it is connected to)");
  verb->add_option("--profile", options->profile, "selectors as SPIRE's own attestor names them, or Belfry's")
      ->check(CLI::IsMember({"unix", "belfry"}))
      ->capture_default_str();
  verb->add_flag("--json", options->json, "one JSON object");
  verb->footer("Exit: 0 sound, 1 withheld, 3 not ours, 4 unavailable. Cuts nothing.");
  verb->callback([options, &surroundings, &exit] { exit = Attest(*options, surroundings); });
}

}  // namespace belfry::cli
