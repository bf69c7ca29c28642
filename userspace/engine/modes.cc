#include "engine/modes.h"

#include "engine/json_file.h"
#include "kit/error.h"

namespace belfry::engine {
namespace {

constexpr char kNow[] = "modes.json";
constexpr char kOverride[] = "mode.override.json";
constexpr char kEveryGuard[] = "*";  // in the override: each guard that is not named (`belfry mode --all`)

}  // namespace

absl::StatusOr<ModesByName> ReadModes(const std::string& file) {
  const auto texts = ReadGuardTexts(file);
  if (!texts.ok()) return texts.status();
  ModesByName modes;
  for (const auto& [name, text] : *texts) {
    const auto mode = verdict::ParseMode(text);
    if (!mode)
      return kit::Error(absl::StatusCode::kInvalidArgument, "reading " + file, "\"" + text + "\" is not a mode",
                        "observe, warn or deny");
    modes[name] = *mode;
  }
  return modes;
}

absl::Status WriteModes(const std::string& file, const ModesByName& modes) {
  std::map<std::string, std::string> texts;
  for (const auto& [name, mode] : modes) texts[name] = verdict::ModeName(mode);
  return WriteGuardTexts(file, texts);
}

verdict::Mode Modes::Kept(const Guard& guard, verdict::Mode mode) const {
  return mode == verdict::Mode::kDeny && !WhyNoDeny(guard.config, backend_).why.empty() ? verdict::Mode::kWarn : mode;
}

absl::Status Modes::Apply() {
  auto wanted = ReadModes(File(kOverride));
  for (Guard& guard : guards_.all()) {
    guard.mode = guard.config.policy.mode;
    if (wanted.ok() && wanted->contains(kEveryGuard)) guard.mode = wanted->at(kEveryGuard);
    if (wanted.ok() && wanted->contains(guard.name())) guard.mode = wanted->at(guard.name());
    if (disarmed_) guard.mode = verdict::Mode::kObserve;
    guard.mode = Kept(guard, guard.mode);
  }
  if (absl::Status status = WriteNow(); !status.ok()) return status;
  return wanted.ok() || absl::IsNotFound(wanted.status()) ? absl::OkStatus() : wanted.status();
}

absl::StatusOr<std::vector<std::string>> Modes::Set(const std::string& name, verdict::Mode mode) {
  if (!name.empty() && guards_.ByName(name) == nullptr)
    return kit::Error(absl::StatusCode::kNotFound, "setting a mode", "no guard is named \"" + name + "\"",
                      "belfry status lists them");
  if (disarmed_ && mode != verdict::Mode::kObserve)
    return kit::Error(absl::StatusCode::kFailedPrecondition, "setting a mode", *disarmed_,
                      "take that away and restart belfryd");
  if (const Guard* guard = guards_.ByName(name); guard != nullptr && Kept(*guard, mode) != mode) {
    const NoDeny no_deny = WhyNoDeny(guard->config, backend_);
    return kit::Error(absl::StatusCode::kFailedPrecondition, "setting a mode", no_deny.why, no_deny.remedy);
  }
  auto wanted = ReadModes(File(kOverride));
  ModesByName over = wanted.ok() ? *std::move(wanted) : ModesByName();
  if (name.empty()) over[kEveryGuard] = mode;
  std::vector<std::string> changed;
  for (Guard& guard : guards_.all()) {
    if (!name.empty() && guard.name() != name) continue;
    over[guard.name()] = Kept(guard, mode);
    if (guard.mode == Kept(guard, mode)) continue;
    guard.mode = Kept(guard, mode);
    changed.push_back(guard.name());
  }
  if (absl::Status status = WriteModes(File(kOverride), over); !status.ok()) return status;
  if (absl::Status status = WriteNow(); !status.ok()) return status;
  return changed;
}

absl::Status Modes::WriteNow() const {
  ModesByName now;
  for (const Guard& guard : guards_.all()) now[guard.name()] = guard.mode;
  return WriteModes(File(kNow), now);
}

}  // namespace belfry::engine
