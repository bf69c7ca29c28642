#include "engine/learnt.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "kit/escape.h"
#include "host/cgroups.h"

namespace belfry::engine {
namespace {

using verdict::Fact;
using verdict::Field;
using verdict::Value;
using verdict::Values;

constexpr char kBackfilled[] = "backfilled";
constexpr size_t kNotLearntMax = 20;
constexpr char kOthers[] = "others";

bool Cut(const std::string& text) { return absl::EndsWith(text, "..."); }

std::string Raw(const std::string& shown) { return kit::Unescape(shown); }

std::string ExeOf(const effect::Entry& entry) {
  std::string exe = Raw(entry.path.empty() && entry.who != nullptr ? entry.who->program.exe : entry.path);
  if (absl::EndsWith(exe, " (deleted)")) exe.resize(exe.size() - 10);
  return exe;
}

Fact ExeFact(const effect::Entry& entry, const verdict::GuardPolicy& policy) {
  const std::string known_by = entry.who == nullptr ? "" : entry.who->known_by;
  if (entry.elsewhere) return Fact::Unknown("it is not on the host's paths");
  if (known_by == kBackfilled && !policy.trust_backfill) return Fact::Unknown("its exec was not seen (trust_backfill)");
  if (known_by != "exec" && known_by != kBackfilled) return Fact::Unknown("its exec is not known");
  const std::string exe = ExeOf(entry);
  const auto value = Value::Of(Field::kExe, exe);
  if (!value || Cut(exe) || absl::StartsWith(exe, "/memfd:")) return Fact::Unknown("its executable has no whole name");
  return Fact::Known(value->text());
}

Fact ScriptFact(const effect::Entry& entry) {
  if (entry.who == nullptr || entry.who->known_by != "exec") return Fact::Unknown("its exec was not seen");
  const std::string script = Raw(entry.who->program.script);
  if (script.empty()) return {};
  const auto value = Value::Of(Field::kScript, script);
  return value && !Cut(script) ? Fact::Known(value->text()) : Fact::Unknown("its script was started by a name that is not absolute, or not whole");
}

struct Asked {
  Values values;
  std::string not_learnt;  // why
};

Asked AskFor(const verdict::Opener& opener) {
  Asked asked;
  const auto ask = [&](Field field) {
    for (const std::string& text : opener[field].values)
      if (const auto value = Value::Of(field, text)) asked.values.push_back(*value);
  };
  ask(Field::kExe);
  ask(Field::kContainer);
  ask(Field::kPod);
  // Any script of an interpreter, or anyone at all, would be more than was seen.
  const bool in_container = !opener[Field::kContainer].values.empty() || !opener[Field::kPod].values.empty();
  if (opener[Field::kExe].values.empty() && !in_container) asked.not_learnt = opener[Field::kExe].unknown;
  if (!opener[Field::kExe].values.empty() && !opener[Field::kScript].unknown.empty() &&
      opener[Field::kScript].unknown.find("script") != std::string::npos)
    asked.not_learnt = opener[Field::kScript].unknown;
  ask(Field::kScript);
  ask(Field::kUid);
  for (const std::string& unit : opener[Field::kUnit].values)
    if (!absl::EndsWith(unit, ".scope")) ask(Field::kUnit);
  for (const Value& value : asked.values)
    if (!kit::IsValidUtf8(value.text())) asked.not_learnt = "its name is no text that a policy can hold";
  if (opener[Field::kUid].values.empty()) asked.not_learnt = "its user is not known";
  std::sort(asked.values.begin(), asked.values.end());
  return asked;
}

Learnt::Times Once(const effect::Entry& entry) {
  return {.connects = 1, .first_ns = entry.wall_ns, .last_ns = entry.wall_ns};
}

}  // namespace

verdict::Opener OpenerOf(const effect::Entry& entry, const verdict::GuardPolicy& policy) {
  verdict::Opener opener;
  for (const Field field : verdict::kEveryField) opener[field] = Fact::Unknown("the line does not say it");
  opener[Field::kExe] = ExeFact(entry, policy);
  opener[Field::kScript] = ScriptFact(entry);
  if (entry.uid) opener[Field::kUid] = Fact::Known(absl::StrCat(*entry.uid));
  if (entry.gid) opener[Field::kGid].values = {absl::StrCat(*entry.gid)};
  if (entry.home == nullptr || entry.home->cgroup.empty()) return opener;
  const host::Home home = host::HomeOf(Raw(entry.home->cgroup));
  opener[Field::kCgroup] = Fact::Known(home.cgroup);
  opener.cgroup_anchored = entry.home->anchored;
  const auto named = [&](Field field, const std::string& text, size_t depth) {
    if (text.empty() && home.cgroup != "/") opener[field] = {};
    if (!text.empty() && depth <= entry.home->anchored) opener[field] = Fact::Known(text);
  };
  named(Field::kUnit, home.unit, home.unit_depth);
  named(Field::kContainer, home.container, home.container_depth);
  named(Field::kPod, home.pod, home.pod_depth);
  return opener;
}

void Learnt::Times::Add(const Times& more) {
  connects += more.connects;
  if (first_ns == 0 || (more.first_ns != 0 && more.first_ns < first_ns)) first_ns = more.first_ns;
  last_ns = std::max(last_ns, more.last_ns);
}

void Learnt::See(const effect::Entry& entry) {
  if (entry.action == "lost" || entry.action == "dropped") lost_ += entry.count;
  const bool connect = entry.action == "connect" || entry.action == "unrecorded";
  if (!connect || entry.verdict == "own" || entry.guard.empty()) return;
  Guard& guard = guards_[entry.guard];
  if (!entry.socket.empty()) guard.sockets.insert(Raw(entry.socket));
  const Asked asked = AskFor(OpenerOf(entry, {.trust_backfill = true}));
  const std::string why = entry.action == "connect" ? asked.not_learnt : "its connect was not seen";
  if (why.empty()) {
    guard.rules[asked.values].Add(Once(entry));
    guard.backfilled |= entry.who != nullptr && entry.who->known_by == kBackfilled && !verdict::ValuesOf(asked.values, Field::kExe).empty();
    if (entry.uid && !entry.user.empty()) guard.users.emplace(absl::StrCat(*entry.uid), Raw(entry.user));
    return;
  }
  const std::string exe = ExeOf(entry);
  const std::string name = !exe.empty() ? exe : entry.pid == 0 && !entry.source.ip.empty() ? entry.source.ip : "[" + Raw(entry.comm) + "]";
  std::string who = absl::StrCat(kit::Escape(name), ": ", entry.pid == 0 && !entry.source.ip.empty() ? "its process is not known" : why);
  if (guard.not_learnt.size() >= kNotLearntMax && !guard.not_learnt.contains(who)) who = kOthers;
  guard.not_learnt[who].Add(Once(entry));
}

Learnt::Times Learnt::all() const {
  Times all;
  for (const auto& [name, guard] : guards_) {
    for (const auto& [values, times] : guard.rules) all.Add(times);
    for (const auto& [who, times] : guard.not_learnt) all.Add(times);
  }
  return all;
}

}  // namespace belfry::engine
