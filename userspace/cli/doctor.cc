#include "cli/doctor.h"

#include <algorithm>
#include <set>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "cli/amounts.h"
#include "cli/doctor_daemon.h"
#include "cli/doctor_spire.h"
#include "cli/finding.h"
#include "cli/screen.h"

namespace belfry::cli {
namespace {

Section MachineSection(const std::vector<kernel::Probe>& probes) {
  Section section{"This machine", {}};
  for (const kernel::Probe& probe : probes) {
    const char* severity = probe.ok ? "ok" : probe.required ? "blind" : "note";
    section.findings.push_back(
        MakeFinding(severity, absl::StrCat(Plain(probe.name), ": ", Plain(probe.detail)), Plain(probe.remedy)));
  }
  return section;
}

int Rank(const std::string& severity) {
  if (severity == "blind") return 2;
  return severity == "degraded" ? 1 : 0;
}

}  // namespace

Diagnosis Diagnose(const Examination& examination) {
  Diagnosis diagnosis;
  diagnosis.sections.push_back(MachineSection(examination.probes));
  diagnosis.sections.push_back(DaemonSection(examination.asked, examination.status));
  diagnosis.sections.push_back(SpireSection(examination));
  diagnosis.health = examination.asked.ok() ? examination.status.health() : "";  // the daemon may know worse
  for (Section& section : diagnosis.sections) {
    diagnosis.health = WorstHealth(diagnosis.health, section);
    std::ranges::stable_sort(section.findings, std::greater<>(),
                             [](const v1::Finding& f) { return Rank(f.severity()); });
  }
  return diagnosis;
}

std::string WorstHealth(const std::string& known, const Section& section) {
  static constexpr const char* kHealth[] = {"kept", "degraded", "blind"};
  int worst = Rank(known);
  for (const v1::Finding& finding : section.findings) worst = std::max(worst, Rank(finding.severity()));
  return kHealth[worst];
}

int ExitOf(const std::string& health) {
  if (health == "kept") return 0;
  return health == "degraded" ? 1 : 2;
}

std::vector<std::string> ForeignNameSources(const std::string& nsswitch) {
  static const std::set<std::string> kLocal = {"files", "compat", "systemd", "altfiles", "db"};
  std::set<std::string> foreign;
  std::istringstream lines(nsswitch);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line.substr(0, line.find('#')));
    std::string word;
    if (!(words >> word) || (word != "passwd:" && word != "group:")) continue;
    while (words >> word) {
      if (word[0] != '[' && !kLocal.contains(word)) foreign.insert(word);
    }
  }
  return {foreign.begin(), foreign.end()};
}

}  // namespace belfry::cli
