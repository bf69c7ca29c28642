#include "cli/doctor_spire.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "cli/amounts.h"
#include "cli/finding.h"
#include "cli/screen.h"

namespace belfry::cli {
namespace {

constexpr char kOneLine[] =
    "add `WorkloadAttestor \"unix\" { plugin_cmd = \"/usr/libexec/belfry/belfry-spire-plugin\" plugin_data {} }` "
    "and restart the agent";

bool IsOurs(const AttestorConf& attestor) {
  const size_t slash = attestor.plugin_cmd.rfind('/');
  return attestor.plugin_cmd.substr(slash == std::string::npos ? 0 : slash + 1) == "belfry-spire-plugin";
}

void AddAttestors(const SpireSetup& spire, std::vector<v1::Finding>& findings) {
  const auto ours = std::ranges::find_if(spire.conf.attestors, IsOurs);
  if (ours == spire.conf.attestors.end()) {
    findings.push_back(MakeFinding(
        "degraded",
        absl::StrCat("the agent of ", Plain(spire.conf_path), " does not ask Belfry before it gives identities"),
        kOneLine));
  } else {
    findings.push_back(
        spire.plugin_runs
            ? MakeFinding("ok", absl::StrCat("attestor \"", Plain(ours->name), "\" is Belfry's (",
                                             Plain(ours->plugin_cmd), ")"))
            : MakeFinding("degraded", absl::StrCat("plugin_cmd ", Plain(ours->plugin_cmd), " cannot be executed here"),
                          "install belfry-spire-plugin there, or correct plugin_cmd"));
    if (ours->plugin_checksum.empty()) {
      findings.push_back(
          MakeFinding("note", "plugin_checksum is not set: the agent does not check which plugin it starts",
                      absl::StrCat("set it to the output of `sha256sum ", Plain(ours->plugin_cmd), "`")));
    }
  }
  std::vector<std::string> others;
  for (const AttestorConf& attestor : spire.conf.attestors) {
    if (!IsOurs(attestor)) others.push_back(Plain(attestor.name));
  }
  if (ours != spire.conf.attestors.end() && !others.empty()) {
    findings.push_back(MakeFinding(
        "note", absl::StrCat("other attestors answer too: ", Joined(others), "; SPIRE adds up what all of them say"),
        "in `deny` a connection that is no proof is cut before any answer travels on it; in other modes it is not"));
  }
}

void AddSockets(const Examination& examination, std::vector<v1::Finding>& findings) {
  if (!examination.asked.ok()) return;
  const AgentConf& conf = examination.spire->conf;
  // SPIRE's default, doc/spire_agent.md.
  const std::string workload = conf.socket_path.empty() ? "/tmp/spire-agent/public/api.sock" : conf.socket_path;
  for (const std::string& path : {workload, conf.admin_socket_path}) {
    if (path.empty()) continue;
    const bool guarded = std::ranges::any_of(examination.status.guards(), [&](const v1::GuardStatus& guard) {
      return std::ranges::count(guard.sockets(), path) > 0;
    });
    findings.push_back(guarded ? MakeFinding("ok", absl::StrCat("the agent's socket ", Plain(path), " is guarded"))
                               : MakeFinding("degraded",
                                             absl::StrCat("the agent's socket ", Plain(path), " is in no guard"),
                                             "name it under `agent:` of a guard in belfry.yaml, then `belfry reload`"));
  }
}

}  // namespace

Section SpireSection(const Examination& examination) {
  Section section{"SPIRE", {}};
  if (!examination.spire) {
    section.findings.push_back(MakeFinding("note", "the agent's configuration was not looked at",
                                           "belfry doctor --agent-conf /etc/spire/agent/agent.conf"));
  } else if (!examination.spire->read.ok()) {
    section.findings.push_back(MakeFinding("degraded", Plain(std::string(examination.spire->read.message()))));
  } else {
    AddAttestors(*examination.spire, section.findings);
    AddSockets(examination, section.findings);
  }
  if (!examination.name_sources.empty()) {
    section.findings.push_back(
        MakeFinding("note",
                    absl::StrCat("user and group names also come from ", Joined(examination.name_sources),
                                 " here; the plugin knows those of /etc/passwd and /etc/group only"),
                    "in entries for such users say unix:uid and unix:gid, not unix:user and unix:group"));
  }
  return section;
}

}  // namespace belfry::cli
