#include "cli/policy_check.h"

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "cli/amounts.h"
#include "kit/escape.h"
#include "verdict/shadows.h"

namespace belfry::cli {
namespace {

using verdict::Field;

constexpr size_t kNotesMax = 100;

class Notes {
 public:
  explicit Notes(const std::string& file) : file_(file) {}

  void Of(const engine::GuardConfig& guard) {
    if (guard.limit && guard.policy.mode == verdict::Mode::kDeny)
      Say(guard.line, guard, absl::StrCat("limit ", engine::LimitText(*guard.limit),
                                          ": in deny backend cgroup refuses to guard it, for it cannot refuse a connect"));
    if (guard.rules == nullptr) return Say(guard.line, guard, "no allow: everyone may connect");
    const std::vector<verdict::Rule>& rules = guard.rules->all();
    if (rules.empty()) return Say(guard.line, guard, "allow is empty: nobody but its own listener may connect");
    for (const verdict::Rule& rule : rules) OfFiles(guard, rule);
    for (const verdict::Shadow& shadow : verdict::Shadows(*guard.rules))
      OfRule(guard, rules[shadow.rule],
             absl::StrCat("never decides: rule ", rules[shadow.earlier].name(), " (line ", rules[shadow.earlier].line(),
                          ") fits whoever it fits"));
  }
  std::vector<std::string> Take() {
    if (more_ > 0) lines_.push_back(absl::StrCat(file_, ": ", more_, " more notes"));
    return std::move(lines_);
  }

 private:
  void OfFiles(const engine::GuardConfig& guard, const verdict::Rule& rule) {
    for (const verdict::Values* values : {&rule.all(), &rule.none()}) {
      for (const std::string& path : verdict::ValuesOf(*values, Field::kExe)) {
        std::error_code error;
        if (!std::filesystem::exists(path, error))
          OfRule(guard, rule, absl::StrCat(kit::Escape(path), " is not there; it counts from when it is"));
      }
    }
    const auto asks = [&](Field field) { return !verdict::ValuesOf(rule.all(), field).empty(); };
    if (asks(Field::kScript) && !asks(Field::kExe))
      OfRule(guard, rule, "script without exe: whatever interprets it is trusted with it");
  }
  void OfRule(const engine::GuardConfig& guard, const verdict::Rule& rule, const std::string& what) {
    Say(rule.line(), guard, absl::StrCat("rule ", rule.name(), ": ", what));
  }
  void Say(int line, const engine::GuardConfig& guard, const std::string& what) {
    if (lines_.size() == kNotesMax) {
      ++more_;
      return;
    }
    lines_.push_back(absl::StrCat(file_, ":", line, ": guard ", guard.policy.name, ", ", what));
  }

  const std::string file_;
  std::vector<std::string> lines_;
  size_t more_ = 0;
};

}  // namespace

PolicyChecked NotesOn(const engine::Config& config) {
  Notes notes(kit::Escape(config.file));
  size_t rules = 0;
  for (const engine::GuardConfig& guard : config.guards) {
    notes.Of(guard);
    if (guard.rules != nullptr) rules += guard.rules->all().size();
  }
  return {.summary = absl::StrCat(Counted(config.guards.size(), "guard"), ", ", Counted(rules, "rule")), .notes = notes.Take()};
}

absl::StatusOr<PolicyChecked> CheckPolicy(const std::string& file, const host::Accounts& accounts) {
  const auto config = engine::LoadConfig(file, accounts);
  if (!config.ok()) return config.status();
  return NotesOn(*config);
}

}  // namespace belfry::cli
