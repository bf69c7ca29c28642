#include "engine/health.h"

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"

namespace belfry::engine {
namespace {

struct Found {
  const char* severity;
  std::string what;
  std::string remedy;
};

// Without these no verdict can be sound: nothing is recorded.
bool IsEssential(const std::string& capability) { return capability == "connect recorded"; }

void FindInKernel(const v1::StatusReply& reply, std::vector<Found>& found) {
  for (const v1::ProgramStatus& program : reply.programs()) {
    if (!program.attached())
      found.push_back({"degraded", absl::StrCat("program ", program.name(), " is not attached"), "restart belfryd"});
    if (program.missed() > 0)
      found.push_back({"degraded", absl::StrCat("program ", program.name(), ": ", program.missed(), " runs missed"),
                       "connections made meanwhile are withheld; clients that reconnect are not"});
    if (program.lost_map() > 0)
      found.push_back({"degraded", absl::StrCat("program ", program.name(), ": a map was full ", program.lost_map(), " times"),
                       "raise the map's size"});
  }
  for (const v1::CanaryResult& canary : reply.canaries())
    if (!canary.ok())
      found.push_back({IsEssential(canary.capability()) ? "blind" : "degraded",
                       absl::StrCat("canary: ", canary.capability(), ": ", canary.detail()),
                       "see belfry doctor; no mode is kept that is not seen working"});
}

// What the configuration may choose where there are hooks, and which it is.
void FindChoices(Engine& engine, const v1::StatusReply& reply, std::vector<Found>& found) {
  if (!engine.kernel().RefusesUse()) return;
  const bool refused = std::any_of(reply.programs().begin(), reply.programs().end(), [](const v1::ProgramStatus& program) {
    return program.name().starts_with("file_") && program.attached();
  });
  if (refused)
    found.push_back({"ok", "splice on a guarded socket by strangers is refused (refuse_splice)", ""});
  else
    found.push_back({"ok", "splice from a guarded socket by strangers is seen, not refused",
                     "refuse_splice: true in belfry.yaml refuses it, and makes each read and write of this machine dearer"});
  for (const Guard& guard : engine.guards().all())
    if (!guard.config.is_port())
      found.push_back({"ok", absl::StrCat("guard ", guard.name(), ": sqpoll ", guard.config.allow_sqpoll ? "allow: whoever shares an opener's SQPOLL ring may use its connection" : "refuse: an opener that uses its connection by an SQPOLL ring is refused"), ""});
}

void FindInGuards(Engine& engine, std::vector<Found>& found) {
  for (const Guard& guard : engine.guards().all()) {
    const std::string name = absl::StrCat("guard ", guard.name(), ": ");
    if (!guard.impostor.empty())
      found.push_back({"degraded", name + "impostor_listener: " + guard.impostor, "stop it, or correct the listener rule"});
    for (const std::string& note : guard.notes)
      if (!note.empty())
        found.push_back({note.starts_with("waiting") ? "ok" : "degraded", name + note, "start what serves it"});
    if (guard.mode != verdict::Mode::kDeny)
      found.push_back({"ok", absl::StrCat(name, "mode ", verdict::ModeName(guard.mode), ": nothing is refused"),
                       absl::StrCat("belfry mode ", guard.name(), " deny, when nobody would be hit")});
  }
  if (engine.modes().disarmed())
    found.push_back({"degraded", "disarmed: " + *engine.modes().disarmed(), "take that away and restart belfryd"});
}

}  // namespace

void JudgeHealth(Engine& engine, v1::StatusReply& reply) {
  std::vector<Found> found;
  FindInKernel(reply, found);
  FindChoices(engine, reply, found);
  FindInGuards(engine, found);
  const auto any = [&](const std::string& severity) {
    return std::any_of(found.begin(), found.end(), [&](const Found& one) { return one.severity == severity; });
  };
  reply.set_health(any("blind") ? "blind" : any("degraded") ? "degraded" : "kept");
  for (const Found& one : found) {
    v1::Finding& finding = *reply.add_findings();
    finding.set_severity(one.severity);
    finding.set_what(one.what);
    finding.set_remedy(one.remedy);
  }
}

}  // namespace belfry::engine
