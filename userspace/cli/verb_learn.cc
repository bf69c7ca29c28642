#include <CLI/CLI.hpp>
#include <fstream>
#include <iostream>
#include <memory>

#include "cli/audit.h"
#include "cli/exits.h"
#include "cli/learn.h"
#include "cli/verbs.h"
#include "effect/entry_json.h"
#include "kit/error.h"

namespace belfry::cli {
namespace {

const std::map<std::string, uint64_t> kUnits = {{"ms", 1}, {"s", 1000}, {"min", 60'000}, {"m", 60'000}, {"h", 3'600'000}};

struct Options {
  std::string lines;  // a recorded audit
  std::string merge;
  AuditOptions audit;
  uint64_t time_ms = 0;
};

absl::Status FromFile(const std::string& file, engine::Learnt& learnt) {
  if (file == "-") return ReadLines(std::cin, "standard input", learnt);
  errno = 0;
  std::ifstream in(file);
  if (!in) return kit::ErrnoError("learning from " + file, "record with `belfry audit --json > FILE`");
  return ReadLines(in, file, learnt);
}

int Learn(Options& options, Surroundings& surroundings) {
  engine::Learnt learnt;
  int exit = kDone;
  if (!options.lines.empty()) {
    if (absl::Status status = FromFile(options.lines, learnt); !status.ok()) return Fail(surroundings, status, kFailed);
  } else {
    AuditOptions& audit = options.audit;
    audit.json = true;
    audit.time = std::chrono::milliseconds(options.time_ms);
    // What its JSON says, so that a live interval and a recorded one teach the same.
    audit.instead = [&learnt](const effect::Entry& entry) {
      if (const auto told = effect::FromJson(effect::ToJson(entry))) learnt.See(*told);
    };
    if (!audit.embedded()) audit.instead = [&learnt](const effect::Entry& entry) { learnt.See(entry); };  // read from JSON already
    exit = audit.embedded() ? AuditEmbedded(audit, surroundings) : AuditAttached(audit, surroundings);
  }
  return exit == kDone ? WriteLearnt(learnt, options.merge, host::ReadAccounts(), surroundings) : exit;
}

}  // namespace

void AddLearn(CLI::App& app, Surroundings& surroundings, int& exit) {
  auto options = std::make_shared<Options>();
  CLI::App* verb = app.add_subcommand("learn", "write a policy that allows exactly who was seen");
  CLI::Option* lines = verb->add_option("FILE", options->lines, "lines of belfry audit --json; - for standard input");
  CLI::Option* sockets = verb->add_option("--unix", options->audit.sockets, "watch this socket, PATH or an abstract @NAME, with an engine of our own (may be repeated)");
  sockets->type_name("PATH")->allow_extra_args(false)->excludes(lines);
  CLI::Option* ports = verb->add_option("--tcp", options->audit.ports, "watch this TCP port, likewise");
  ports->type_name("PORT")->allow_extra_args(false)->excludes(lines);
  verb->add_option("--policy", options->audit.policy, "watch this file's guards with an engine of our own")->type_name("FILE")->excludes(lines);
  verb->add_option("--for", options->time_ms, "watch for this time: 10min, 24h; else until Ctrl-C")
      ->transform(CLI::AsNumberWithUnit(kUnits, CLI::AsNumberWithUnit::UNIT_REQUIRED, "TIME"))
      ->excludes(lines);
  verb->add_option("--merge", options->merge, "add to this policy, in place; its comments stay")->type_name("FILE");
  verb->footer(
      "Without FILE it watches: with --unix, --tcp or --policy by itself, else by following belfryd.\n"
      "Exit: 0; 1 the lines or the policy cannot be read or written; 2 cannot watch here; 4 no daemon to follow.");
  verb->callback([options, &surroundings, &exit] { exit = Learn(*options, surroundings); });
}

}  // namespace belfry::cli
