#include "cli/doctor_daemon.h"

#include <vector>

#include "absl/strings/str_cat.h"
#include "cli/amounts.h"
#include "cli/finding.h"
#include "cli/reason_words.h"
#include "cli/screen.h"

namespace belfry::cli {
namespace {

// Events that a program has counted as seen but not yet as told, while the counters of all CPUs are read.
constexpr uint64_t kInFlight = 64;

using Findings = std::vector<v1::Finding>;

void AddCanaries(const v1::StatusReply& status, Findings& findings) {
  for (const v1::CanaryResult& canary : status.canaries()) {
    const std::string name = Plain(canary.capability());
    const std::string detail = canary.detail().empty() ? "" : ": " + Plain(canary.detail());
    findings.push_back(canary.ok()
                           ? MakeFinding("ok", absl::StrCat("seen working on belfryd itself: ", name, detail))
                           : MakeFinding("degraded",
                                         absl::StrCat("belfryd tried it on itself and saw nothing: ", name, detail),
                                         "restart belfryd; if it stays, the kernel does not do what it accepted"));
  }
}

void AddBackend(const v1::StatusReply& status, Findings& findings) {
  findings.push_back(MakeFinding("ok", absl::StrCat("backend ", Plain(status.backend()), " is live")));
  for (const std::string& step : status.steps_down()) {
    findings.push_back(MakeFinding("note", absl::StrCat("a stronger backend was not taken: ", Plain(step))));
  }
  for (const std::string& taint : status.blind_to()) {
    findings.push_back(MakeFinding(
        "note", absl::StrCat("this backend cannot see ", Plain(taint), ": ", std::string(WordsFor(taint).meaning))));
  }
  if (status.blind_to_size() > 0) {
    findings.back().set_remedy(
        "where one of these must be seen, name it under `require:` of the guard: it then refuses to start here");
  }
}

void AddPrograms(const v1::StatusReply& status, Findings& findings) {
  for (const v1::ProgramStatus& program : status.programs()) {
    const std::string name = Plain(program.name());
    if (!program.attached()) {
      findings.push_back(MakeFinding(
          "degraded", absl::StrCat("kernel program ", name, " is no longer attached: what it tells is not heard"),
          "restart belfryd; find out who detached it"));
    }
    if (program.lost_map() > 0) {
      findings.push_back(MakeFinding(
          "degraded",
          absl::StrCat(name, " could not store ", Counted(program.lost_map(), "record"), ": a table was full"),
          "what could not be stored is withheld, never granted; find out who opens so many"));
    }
    if (program.missed() > 0) {
      findings.push_back(
          MakeFinding("degraded", absl::StrCat("the kernel did not run ", name, " ", Counted(program.missed(), "time")),
                      "the gaps are marked in `belfry status`; let the clients concerned connect again"));
    }
    if (program.lost_ring() > 0) {
      findings.push_back(MakeFinding(
          "note", absl::StrCat(Counted(program.lost_ring(), "report"), " of ", name, " came too fast and were lost"),
          "verdicts are not affected, only log lines are missing"));
    }
    const uint64_t told = program.sent() + program.ignored() + program.lost_ring() + program.lost_map();
    if (told > program.seen() + kInFlight || program.seen() > told + kInFlight) {
      findings.push_back(MakeFinding(
          "degraded",
          absl::StrCat(name, " counted ", Grouped(program.seen()), " events but accounts for ", Grouped(told)),
          "ask again; if the numbers stay apart this is a defect of Belfry"));
    }
  }
}

void AddGuards(const v1::StatusReply& status, Findings& findings) {
  if (status.guards_size() == 0) {
    findings.push_back(MakeFinding("degraded", "no guard is configured: nothing is watched",
                                   "name a socket under `guards:` in belfry.yaml"));
  }
  for (const v1::GuardStatus& guard : status.guards()) {
    const std::string name = absl::StrCat("guard ", Plain(guard.name()), " (", Plain(guard.mode()), ")");
    if (guard.listener().starts_with("impostor")) {
      findings.push_back(MakeFinding("degraded",
                                     absl::StrCat(name, " is served by the wrong process: ", Plain(guard.listener())),
                                     "stop that process, or correct `listener` in belfry.yaml"));
    } else if (guard.listener().empty() || guard.listener().starts_with("none")) {
      findings.push_back(MakeFinding("note", absl::StrCat(name, ": nobody serves its socket yet"),
                                     "start the service; belfryd waits for it"));
    } else {
      findings.push_back(MakeFinding("ok", absl::StrCat(name, " is served by ", Plain(guard.listener()))));
    }
  }
}

// What is said above in doctor's words already.
bool IsSaid(const v1::Finding& finding) {
  const std::string& what = finding.what();
  return what.starts_with("program ") || what.starts_with("canary: ") ||
         what.find(": waiting: ") != std::string::npos || what.find(": impostor_listener: ") != std::string::npos;
}

}  // namespace

Section DaemonSection(const absl::Status& asked, const v1::StatusReply& status) {
  Section section{"The daemon", {}};
  if (!asked.ok()) {
    section.findings.push_back(
        MakeFinding("blind", Plain(std::string(asked.message())),
                    "until belfryd runs, nobody asks whether an identity goes to the right process"));
    return section;
  }
  AddBackend(status, section.findings);
  AddCanaries(status, section.findings);
  AddPrograms(status, section.findings);
  AddGuards(status, section.findings);
  if (status.gaps_size() > 0) {
    section.findings.push_back(
        MakeFinding("note", Counted(status.gaps_size(), "gap") + " in the evidence (`belfry status` lists them)",
                    "connections that were open then are withheld; let them connect again"));
  }
  for (const v1::Finding& finding : status.findings()) {  // what only the daemon can know
    if (IsSaid(finding)) continue;
    section.findings.push_back(MakeFinding(finding.severity().c_str(), Plain(finding.what()), Plain(finding.remedy())));
  }
  return section;
}

}  // namespace belfry::cli
