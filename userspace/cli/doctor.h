// What `belfry doctor` concludes: facts in, findings out, each with its remedy. Pure.
#ifndef BELFRY_CLI_DOCTOR_H_
#define BELFRY_CLI_DOCTOR_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "belfry/v1/admin.pb.h"
#include "cli/agent_conf.h"
#include "kernel/probes.h"

namespace belfry::cli {

struct SpireSetup {
  std::string conf_path;
  absl::Status read;  // of conf_path
  AgentConf conf;
  bool plugin_runs = false;  // the named plugin_cmd is there and executable
};

struct Examination {
  std::vector<kernel::Probe> probes;
  absl::Status asked;  // of the daemon; OK: status is its answer
  v1::StatusReply status;
  std::optional<SpireSetup> spire;        // --agent-conf was given
  std::vector<std::string> name_sources;  // of passwd and group in nsswitch.conf that are not files on this machine
};

struct Section {
  std::string title;
  std::vector<v1::Finding> findings;
};

struct Diagnosis {
  std::string health;  // "kept", "degraded", "blind": the worst finding
  std::vector<Section> sections;
};

Diagnosis Diagnose(const Examination& examination);

// The worse of a health already known ("" is kept) and what the findings say.
std::string WorstHealth(const std::string& known, const Section& section);

// 0 kept, 1 degraded, 2 blind or anything else.
int ExitOf(const std::string& health);

// The sources that nsswitch.conf names for users and groups besides plain files: "sss", "ldap". Pure.
std::vector<std::string> ForeignNameSources(const std::string& nsswitch);

}  // namespace belfry::cli

#endif  // BELFRY_CLI_DOCTOR_H_
