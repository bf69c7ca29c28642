#include "engine/policy_merge.h"

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/config.h"
#include "engine/policy_text.h"
#include "engine/yaml_places.h"
#include "kit/error.h"

namespace belfry::engine {
namespace {

using YAML::Node;

using NewRules = std::map<verdict::Values, Learnt::Times>;

// Whoever is just that, and of whom nothing else is known.
verdict::Opener JustThat(const verdict::Values& values) {
  verdict::Opener opener;
  for (const verdict::Field field : verdict::kEveryField) {
    opener[field].values = verdict::ValuesOf(values, field);
    if (opener[field].values.empty()) opener[field].unknown = "not learnt";
  }
  return opener;
}

NewRules NotAllowedYet(const Learnt::Guard& guard, const GuardConfig* config) {
  NewRules added;
  for (const auto& [values, times] : guard.rules) {
    if (config != nullptr && config->rules != nullptr) {
      const verdict::Decision decision = config->rules->Decide(JustThat(values));
      if (verdict::RulingOf(*config->rules, decision, verdict::Mode::kDeny).allowed) continue;
    }
    added.emplace(values, times);
  }
  return added;
}

class Editor {
 public:
  Editor(std::string text, const host::Accounts& accounts) : text_(std::move(text)), accounts_(accounts) {
    if (!text_.empty() && text_.back() != '\n') text_ += '\n';
  }
  const std::string& text() const { return text_; }

  void Add(const Node& guard, const NewRules& rules, const Learnt::Guard& learnt) {
    const Node allow = guard["allow"];
    const auto column = static_cast<size_t>((allow ? allow : guard).Mark().column);
    if (allow && IsFlow(text_, allow.Mark())) return InFlow(allow, FlowRules(rules, learnt), static_cast<size_t>(guard.Mark().column) + 4);
    if (allow) return Insert(EndOfBlock(text_, allow.Mark()), BlockRules(rules, learnt, column));
    if (IsFlow(text_, guard.Mark()))
      return InFlow(guard, {absl::StrCat("allow: [", Listed(FlowRules(rules, learnt), 4), "]")}, column + 4);
    Insert(EndOfBlock(text_, guard.Mark()), absl::StrCat(std::string(column, ' '), "allow:\n", BlockRules(rules, learnt, column + 2)));
  }
  // False: there is no place for it.
  bool AddGuard(const Node& guards, const std::string& element) {
    if (!guards.IsSequence() || guards.size() == 0 || IsFlow(text_, guards.Mark())) return false;
    Insert(EndOfBlock(text_, guards.Mark()), element);
    return true;
  }
  std::string Result() {
    std::stable_sort(added_.begin(), added_.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
    for (auto added = added_.rbegin(); added != added_.rend(); ++added) text_.insert(added->first, added->second);
    return std::move(text_);
  }

 private:
  void Insert(size_t at, std::string text) { added_.emplace_back(at, std::move(text)); }

  std::string BlockRules(const NewRules& rules, const Learnt::Guard& learnt, size_t column) const {
    std::string text;
    for (const auto& [values, times] : rules) text += RuleText(values, times, learnt, accounts_, column);
    return text + NotLearntText(learnt, column);
  }
  // "# comment\n{ ... }"
  std::vector<std::string> FlowRules(const NewRules& rules, const Learnt::Guard& learnt) const {
    std::vector<std::string> texts;
    for (const auto& [values, times] : rules) {
      std::string text = RuleText(values, times, learnt, accounts_, 0);
      text.pop_back();
      texts.push_back(text.erase(text.find("\n- ") + 1, 2));
    }
    return texts;
  }
  static std::string Listed(const std::vector<std::string>& elements, size_t indent) {
    const std::string line = absl::StrCat("\n", std::string(indent, ' '));
    std::string text;
    for (size_t i = 0; i < elements.size(); ++i) {
      std::string element = elements[i];
      for (size_t at = 0; (at = element.find('\n', at)) != std::string::npos; at += line.size()) element.replace(at, 1, line);
      absl::StrAppend(&text, line, element, i + 1 < elements.size() ? "," : "");
    }
    return text + line.substr(0, line.size() - 2);
  }
  void InFlow(const Node& node, const std::vector<std::string>& elements, size_t indent) {
    const auto bracket = ClosingBracket(text_, node.Mark());
    if (!bracket) return;  // found out when the result is read
    Insert(*bracket, absl::StrCat(NeedsComma(text_, node.Mark(), *bracket) ? "," : "", Listed(elements, indent)));
  }

  std::string text_;
  const host::Accounts& accounts_;
  std::vector<std::pair<size_t, std::string>> added_;
};

// The guard of that name, else the one of its socket.
const GuardConfig* GuardOf(const Config& config, const std::string& name, const Learnt::Guard& learnt) {
  for (const GuardConfig& guard : config.guards)
    if (guard.policy.name == name) return &guard;
  for (const GuardConfig& guard : config.guards)
    for (const GuardedSocket& socket : guard.sockets)
      if (learnt.sockets.size() == 1 && PlainName(socket.path) == PlainName(*learnt.sockets.begin())) return &guard;
  return nullptr;
}

bool Keeps(const GuardConfig& before, const GuardConfig& after) {
  if (before.rules == nullptr) return true;
  if (after.rules == nullptr || after.rules->all().size() < before.rules->all().size()) return false;
  for (size_t i = 0; i < before.rules->all().size(); ++i) {
    const verdict::Rule &a = before.rules->all()[i], &b = after.rules->all()[i];
    if (a.name() != b.name() || a.all() != b.all() || a.none() != b.none() || a.mode() != b.mode()) return false;
  }
  return true;
}

// What was put in is read as it was meant.
bool IsWhatWasMeant(const Config& before, const Config& after, const Merged& merged) {
  size_t rules_before = 0, rules_after = 0;
  for (const GuardConfig& guard : before.guards) rules_before += guard.rules == nullptr ? 0 : guard.rules->all().size();
  for (const GuardConfig& guard : after.guards) rules_after += guard.rules == nullptr ? 0 : guard.rules->all().size();
  if (after.guards.size() != before.guards.size() + merged.guards_added || rules_after != rules_before + merged.rules_added)
    return false;
  for (size_t i = 0; i < before.guards.size(); ++i)
    if (!Keeps(before.guards[i], after.guards[i])) return false;
  return true;
}

absl::Status NoPlace(const std::string& file, const std::string& why) {
  return kit::Error(absl::StatusCode::kFailedPrecondition, "adding to " + file, why, "write a policy of its own and put them together by hand");
}

}  // namespace

absl::StatusOr<Merged> MergePolicy(const std::string& file, const std::string& text, const Learnt& learnt,
                                   const host::Accounts& accounts) {
  const auto before = ParseConfig(file, text, accounts);
  if (!before.ok()) return before.status();
  Editor editor(text, accounts);
  const Node guards = YAML::Load(editor.text())["guards"];  // it was read without a mistake just now
  Merged merged;
  for (const auto& [name, guard] : learnt.guards()) {
    const GuardConfig* config = GuardOf(*before, name, guard);
    const NewRules added = NotAllowedYet(guard, config);
    if (config == nullptr) {
      const std::string element = GuardText(name, guard, accounts, static_cast<size_t>(guards.Mark().column));
      if (element.empty()) return NoPlace(file, absl::StrCat("guard ", name, " is not in it, and its socket is not known"));
      if (!editor.AddGuard(guards, element)) return NoPlace(file, "guards is not a list of one line for each");
      ++merged.guards_added;
    } else if (!added.empty()) {
      editor.Add(guards[static_cast<size_t>(config - before->guards.data())], added, guard);
      if (config->rules == nullptr)
        merged.notes.push_back(absl::StrCat("guard ", config->policy.name, " had no allow: until now everyone might connect"));
      if (guard.backfilled && !config->policy.trust_backfill)
        merged.notes.push_back(absl::StrCat("guard ", config->policy.name, ": some executables were read from /proc; their rules fit once "
                                            "the services have been started again, or with trust_backfill: true"));
    }
    merged.rules_added += added.size();
  }
  merged.text = editor.Result();
  const auto after = ParseConfig(file, merged.text, accounts);
  if (!after.ok() || !IsWhatWasMeant(*before, *after, merged)) return NoPlace(file, "it is written in a way that nothing can be put into");
  return merged;
}

}  // namespace belfry::engine
