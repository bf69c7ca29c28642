#include "engine/alarms.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "kit/escape.h"

namespace belfry::engine {
namespace {

constexpr size_t kNameBytes = 256;  // of a program, a place

std::string ProgramText(const effect::Entry& entry) {
  if (entry.who == nullptr) return entry.comm.empty() ? "?" : "[" + kit::Escape(entry.comm) + "]";
  const effect::Program& program = entry.who->program;
  const std::string exe = program.exe.empty() ? "[" + kit::Escape(program.comm) + "]" : kit::Escape(program.exe, kNameBytes);
  return program.script.empty() ? exe : absl::StrCat(kit::Escape(program.script, kNameBytes), " (", exe, ")");
}

std::string UserText(const effect::Entry& entry) {
  if (!entry.user.empty()) return kit::Escape(entry.user);
  return entry.uid ? absl::StrCat("uid ", *entry.uid) : "an unknown user";
}

std::string PlaceText(const effect::Entry& entry) {
  if (entry.home == nullptr) return "";
  const host::Home& home = *entry.home;
  if (!home.container.empty()) return " in container " + kit::Escape(home.container, kNameBytes);
  return home.unit.empty() ? "" : " in " + kit::Escape(home.unit, kNameBytes);
}

std::string SameText(const effect::Entry& entry) {
  return absl::StrCat("violation: guard ", entry.guard, ": ", entry.action, " by ", ProgramText(entry), " as ", UserText(entry),
                      PlaceText(entry), ": ", absl::StrJoin(entry.reasons, ", "));
}

}  // namespace

bool Alarms::Concerns(const effect::Entry& entry) {
  return !entry.guard.empty() && entry.action != "cut" && entry.action != "impostor_listener";
}

void Alarms::Tell(const effect::Entry& entry, kit::Folding::Clock::time_point now) {
  const std::string same = SameText(entry);
  const auto unsaid = folding_.Say(same, now);
  if (!unsaid) return;
  std::string line = absl::StrCat(same, "; pid ", entry.pid);
  if (!entry.message.empty()) absl::StrAppend(&line, ": ", kit::Escape(entry.message, 512));
  if (*unsaid > 0) absl::StrAppend(&line, "; ", *unsaid, " more since it was last said");
  log_.Warning(line);
}

void Alarms::Look(kit::Folding::Clock::time_point now) {
  for (const kit::Folding::Unsaid& one : folding_.Due(now)) log_.Warning(absl::StrCat(one.key, "; ", one.times, " more since it was last said"));
  if (const uint64_t forgotten = folding_.TakeForgotten(); forgotten > 0)
    log_.Warning(absl::StrCat("violation: ", forgotten, " more, of too many different kinds to tell; belfry audit tells each"));
}

}  // namespace belfry::engine
