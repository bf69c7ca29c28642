#include <CLI/CLI.hpp>
#include <memory>
#include <string>

#include "absl/strings/str_split.h"
#include "cli/ask.h"
#include "cli/exits.h"
#include "cli/json_text.h"
#include "cli/policy_check.h"
#include "cli/render_policy.h"
#include "cli/verbs.h"

namespace belfry::cli {
namespace {

struct Options {
  std::string file;
  int pid = 0;
  std::string guard;
  bool json = false;
};

int Check(const Options& options, Surroundings& surroundings) {
  const auto checked = CheckPolicy(options.file, host::ReadAccounts());
  if (!checked.ok()) {
    for (const absl::string_view line : absl::StrSplit(checked.status().message(), '\n'))
      surroundings.err << Plain(std::string(line), 2048) << "\n";
    return kMistaken;
  }
  for (const std::string& note : checked->notes) surroundings.out << Plain(note, 2048) << "\n";
  surroundings.out << Plain(options.file) << ": good: " << checked->summary << "\n";
  return kDone;
}

int Explain(const Options& options, Surroundings& surroundings) {
  absl::StatusOr<Daemon> daemon = Daemon::Reach(surroundings.run_dir);
  if (!daemon.ok()) return Fail(surroundings, daemon.status(), kUnavailable);
  v1::PolicyRequest request;
  request.set_pid(options.pid);
  request.set_guard(options.guard);
  const auto reply = daemon->Ask(&v1::Admin::Stub::ExplainPolicy, request);
  if (absl::IsNotFound(reply.status())) return Fail(surroundings, reply.status(), kUnknown);
  if (!reply.ok()) return Fail(surroundings, reply.status(), kUnavailable);
  surroundings.out << (options.json ? JsonText(*reply) : RenderPolicy(*reply, surroundings.screen));
  return reply->answer() == "not_allowed" ? kNotAllowed : kDone;
}

}  // namespace

void AddPolicy(CLI::App& app, Surroundings& surroundings, int& exit) {
  auto options = std::make_shared<Options>();
  CLI::App* verb = app.add_subcommand("policy", "check a policy; say what it means for a process");
  verb->require_subcommand(1);
  CLI::App* check = verb->add_subcommand("check", "every mistake with line, column and what was meant; else what is in it");
  check->add_option("FILE", options->file, "a configuration, such as /etc/belfry/belfry.yaml")->required();
  check->footer("Exit: 0 good, 1 mistaken or unreadable. Needs no daemon and no kernel part.");
  check->callback([options, &surroundings, &exit] { exit = Check(*options, surroundings); });
  CLI::App* explain = verb->add_subcommand("explain", "which rule of a guard fits a process, or which field does not");
  explain->add_option("PID", options->pid, "process number")->required();
  explain->add_option("GUARD", options->guard, "name of the guard")->required();
  explain->add_flag("--json", options->json, "one JSON object");
  explain->footer("Exit: 0 allowed, 1 not allowed, 3 unknown process or guard, 4 nobody to ask.");
  explain->callback([options, &surroundings, &exit] { exit = Explain(*options, surroundings); });
}

}  // namespace belfry::cli
