#include "cli/render_doctor.h"

#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "cli/json_text.h"
#include "cli/render_status.h"

namespace belfry::cli {
namespace {

constexpr size_t kSeverity = 12;  // columns of "  degraded  "

struct HealthWords {
  std::string_view health, meaning;
};
constexpr HealthWords kHealths[] = {
    {"kept", "everything this backend promises is kept"},
    {"degraded", "it works, but something is missing: see `degraded` below"},
    {"blind", "who connects is not known now: see `blind` below"},
};

std::string RenderFinding(const v1::Finding& finding, const Screen& screen) {
  std::string head = absl::StrCat("  ", finding.severity());
  head.resize(kSeverity, ' ');
  std::string text =
      screen.Paint(HealthColour(finding.severity()), head) + Wrap(finding.what(), screen.width, kSeverity) + "\n";
  if (!finding.remedy().empty()) text += Paragraph("-> " + finding.remedy(), screen, kSeverity);
  return text;
}

}  // namespace

std::string RenderDoctor(const Diagnosis& diagnosis, const Screen& screen) {
  std::string text = screen.Paint(HealthColour(diagnosis.health), diagnosis.health);
  for (const HealthWords& words : kHealths) {
    if (words.health == diagnosis.health) absl::StrAppend(&text, ": ", std::string(words.meaning), "\n");
  }
  for (const Section& section : diagnosis.sections) {
    if (section.findings.empty()) continue;
    text += "\n" + screen.Paint(Colour::kBold, section.title) + "\n";
    for (const v1::Finding& finding : section.findings) text += RenderFinding(finding, screen);
  }
  return text;
}

std::string DoctorJson(const Diagnosis& diagnosis, const Examination& examination) {
  nlohmann::ordered_json json{{"schema", 1}, {"health", diagnosis.health}};
  json["findings"] = nlohmann::ordered_json::array();
  for (const Section& section : diagnosis.sections) {
    for (const v1::Finding& finding : section.findings) {
      json["findings"].push_back({{"section", section.title},
                                  {"severity", finding.severity()},
                                  {"what", finding.what()},
                                  {"remedy", finding.remedy()}});
    }
  }
  json["probes"] = nlohmann::ordered_json::array();
  for (const kernel::Probe& probe : examination.probes) {
    json["probes"].push_back({{"name", probe.name},
                              {"ok", probe.ok},
                              {"required", probe.required},
                              {"detail", Plain(probe.detail)},
                              {"remedy", Plain(probe.remedy)}});
  }
  json["status"] = nullptr;
  if (examination.asked.ok())
    json["status"] = nlohmann::ordered_json::parse(JsonText(examination.status), nullptr, false);
  return json.dump(1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

}  // namespace belfry::cli
