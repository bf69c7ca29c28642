#include <CLI/CLI.hpp>
#include <memory>

#include "cli/audit.h"
#include "cli/exits.h"
#include "cli/verbs.h"

namespace belfry::cli {
namespace {

const std::map<std::string, uint64_t> kUnits = {{"ms", 1}, {"s", 1000}, {"min", 60'000}, {"m", 60'000}, {"h", 3'600'000}};

void AddFilters(CLI::App* verb, AuditFilter& filter, std::string& only) {
  const auto several = [](CLI::Option* option) { option->type_name("PATTERN")->allow_extra_args(false); };
  several(verb->add_option("--guard", filter.guards, "only this guard (patterns as the shell's; may be repeated)"));
  several(verb->add_option("--user", filter.users, "only this user, by name or number"));
  several(verb->add_option("--exe", filter.exes, "only this executable or script, by path"));
  several(verb->add_option("--unit", filter.units, "only this unit, container id or pod"));
  several(verb->add_option("--verdict", filter.verdicts, "only this verdict or reason: sound, withheld, ..."));
  verb->add_option("--only", only, "only what deny refuses, or would")->check(CLI::IsMember({"violations"}));
}

}  // namespace

void AddAudit(CLI::App& app, Surroundings& surroundings, int& exit) {
  struct Asked : AuditOptions {
    uint64_t time_ms = 0;
    std::string only, to;
  };
  auto asked = std::make_shared<Asked>();
  CLI::App* verb = app.add_subcommand("audit", "watch who connects to unix sockets and TCP ports, with or without a daemon");
  verb->add_option("--unix", asked->sockets, "watch this socket, PATH or an abstract @NAME, with an engine of our own (may be repeated)")
      ->type_name("PATH")
      ->allow_extra_args(false);
  verb->add_option("--tcp", asked->ports, "watch this TCP port of ours: 8081, 127.0.0.1:8081, [::1]:8081 (may be repeated)")
      ->type_name("PORT")
      ->allow_extra_args(false);
  verb->add_option("--policy", asked->policy, "watch this file's guards with an engine of our own")->type_name("FILE");
  verb->add_flag("--json", asked->json, "one JSON object a line, in names of the Elastic Common Schema");
  verb->add_option("--to", asked->to, "write JSON there instead of standard output")->check(CLI::IsMember({"journal", "syslog"}));
  verb->add_flag("--tree", asked->tree, "each line's parents below it");
  verb->add_flag("--closings", asked->closings, "also when a connection was found to be gone");
  verb->add_option("--for", asked->time_ms, "end after this time: 500ms, 10s, 5min, 1h")
      ->transform(CLI::AsNumberWithUnit(kUnits, CLI::AsNumberWithUnit::UNIT_REQUIRED, "TIME"));
  verb->add_flag("--fail", asked->fail, "exit 1 if a violation was seen");
  AddFilters(verb, asked->filter, asked->only);
  verb->footer(
      "Seen is who opens the socket: not the request made on it, nor the client behind a proxy.\n"
      "Exit: 0; 1 a violation was seen (--fail) or the output could not be written; 2 cannot watch here; 4 no daemon to follow.");
  verb->callback([asked, &surroundings, &exit] {
    asked->time = std::chrono::milliseconds(asked->time_ms);
    asked->filter.only_violations = !asked->only.empty();
    if (!asked->to.empty()) {
      auto sink = AuditSink::Open(asked->to == "journal" ? AuditSink::Kind::kJournal : AuditSink::Kind::kSyslog);
      if (!sink.ok()) {
        exit = Fail(surroundings, sink.status(), kFailed);
        return;
      }
      asked->json = true;
      asked->sink = *std::move(sink);
    }
    exit = asked->embedded() ? AuditEmbedded(*asked, surroundings) : AuditAttached(*asked, surroundings);
  });
}

}  // namespace belfry::cli
