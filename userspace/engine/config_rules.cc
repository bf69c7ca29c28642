#include "engine/config_rules.h"

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "verdict/shadows.h"

namespace belfry::engine {
namespace {

using verdict::Field;
using YAML::Node;

constexpr size_t kNameLimit = 64;

struct RuleDraft {
  verdict::Rule::Draft rule;
  verdict::Values* values = nullptr;  // where conditions go now: rule.all or, below `not`, rule.none
  Draft* draft = nullptr;
};
using Key = YamlReader::Key<RuleDraft>;

std::vector<std::string> NamesOf(const host::NumbersByName& known) {
  std::vector<std::string> names;
  for (const auto& [name, number] : known) names.push_back(name);
  return names;
}

std::optional<std::string> TextOf(YamlReader& reader, const Node& node, Field field, const host::Accounts& accounts) {
  if (field != Field::kUid && field != Field::kGid) return reader.Text(node, verdict::FieldTakes(field));
  const bool user = field == Field::kUid;
  const auto number = ReadAccount(reader, node, user ? accounts.users : accounts.groups, user ? "user" : "group");
  return number ? std::optional(absl::StrCat(*number)) : std::nullopt;
}

void ReadValue(YamlReader& reader, const Node& node, Field field, RuleDraft& into) {
  if (++into.draft->values > kValuesLimit) {
    if (into.draft->values == kValuesLimit + 1)
      reader.Wrong(node, "one value more", absl::StrCat("at most ", kValuesLimit, " in all rules"));
    return;
  }
  const auto text = TextOf(reader, node, field, *into.draft->accounts);
  if (!text) return;
  const auto value = verdict::Value::Of(field, *text);
  if (value)
    into.values->push_back(*value);
  else
    reader.Wrong(node, YamlReader::Shown(node), verdict::FieldTakes(field));
}

// One value, or a list of them.
template <Field kField>
void ReadField(YamlReader& reader, const Node& node, RuleDraft& into) {
  if (!node.IsSequence()) return ReadValue(reader, node, kField, into);
  if (node.size() == 0) reader.Wrong(node, "an empty list", verdict::FieldTakes(kField));
  for (const auto& element : node) {
    ReadValue(reader, element, kField, into);
    if (into.draft->values > kValuesLimit) return;
  }
}

constexpr std::array kConditions = {
    Key{"exe", ReadField<Field::kExe>},
    Key{"script", ReadField<Field::kScript>},
    Key{"sha256", ReadField<Field::kSha256>},
    Key{"user", ReadField<Field::kUid>},
    Key{"uid", ReadField<Field::kUid>},
    Key{"group", ReadField<Field::kGid>},
    Key{"gid", ReadField<Field::kGid>},
    Key{"unit", ReadField<Field::kUnit>},
    Key{"cgroup", ReadField<Field::kCgroup>},
    Key{"container", ReadField<Field::kContainer>},
    Key{"pod", ReadField<Field::kPod>},
    Key{"ancestor", ReadField<Field::kAncestor>},
    Key{"netns", ReadField<Field::kNetns>},
    Key{"mntns", ReadField<Field::kMntns>},
    Key{"userns", ReadField<Field::kUserns>},
};

// Two words for one thing in one place: does the second add to the first, or must both hold?
void CheckSpelling(YamlReader& reader, const Node& node, const std::set<std::string>& seen) {
  for (const auto& [word, other] : {std::pair("user", "uid"), std::pair("group", "gid")})
    if (seen.contains(word) && seen.contains(other))
      reader.Wrong(node, absl::StrCat("both ", word, " and ", other), "one of them: they are the same field");
}

void ReadNot(YamlReader& reader, const Node& node, RuleDraft& into) {
  into.values = &into.rule.none;
  CheckSpelling(reader, node, reader.Map<RuleDraft>(node, "what must not be so", kConditions, into));
  into.values = &into.rule.all;
}

void ReadRuleMode(YamlReader& reader, const Node& node, RuleDraft& into) {
  static const std::vector<std::string> kKnown = {"observe", "warn", "deny"};
  if (const auto word = reader.Word(node, kKnown)) into.rule.mode = verdict::ParseMode(*word);
}

void ReadRuleName(YamlReader& reader, const Node& node, RuleDraft& into) {
  const std::string name = node.IsScalar() ? node.Scalar() : "";
  const bool plain = std::all_of(name.begin(), name.end(), [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '-' || c == '_' || c == '.';
  });
  if (name.empty() || !plain || name.size() > kNameLimit)
    reader.Wrong(node, YamlReader::Shown(node), "a name of at most 64 letters, digits, '-', '_' and '.'");
  else
    into.rule.name = name;
}

constexpr auto kRuleKeys = [] {
  std::array<Key, kConditions.size() + 3> keys{};
  std::copy(kConditions.begin(), kConditions.end(), keys.begin());
  keys[kConditions.size()] = {"not", ReadNot};
  keys[kConditions.size() + 1] = {"mode", ReadRuleMode};
  keys[kConditions.size() + 2] = {"name", ReadRuleName};
  return keys;
}();

std::optional<verdict::Rule> ReadRule(YamlReader& reader, const Node& node, size_t number, Draft& draft) {
  const size_t mistakes = reader.mistakes().size() + reader.more_mistakes();
  RuleDraft into{.draft = &draft};
  into.values = &into.rule.all;
  into.rule.name = absl::StrCat(number);
  into.rule.line = node.Mark().line + 1;
  CheckSpelling(reader, node, reader.Map<RuleDraft>(node, "a rule", kRuleKeys, into));
  if (reader.mistakes().size() + reader.more_mistakes() > mistakes) return std::nullopt;
  auto rule = verdict::Rule::Of(std::move(into.rule));
  if (rule.ok()) return *std::move(rule);
  reader.Wrong(node, std::string(rule.status().message()), "conditions that somebody can meet");
  return std::nullopt;
}

std::string Said(const std::optional<verdict::Mode>& mode) { return mode ? verdict::ModeName(*mode) : "allow"; }

void CheckShadows(YamlReader& reader, const std::vector<Node>& nodes, const verdict::Rules& rules) {
  if (std::none_of(rules.all().begin(), rules.all().end(), [](const verdict::Rule& rule) { return rule.mode().has_value(); }))
    return;  // then whoever fits two is allowed by either
  for (const verdict::Shadow& shadow : verdict::Shadows(rules)) {
    const verdict::Rule &rule = rules.all()[shadow.rule], &earlier = rules.all()[shadow.earlier];
    const bool same = rule.all() == earlier.all() && rule.none() == earlier.none();
    if (rule.mode() == earlier.mode() || same) continue;  // told by others, or never decides and changes nothing
    reader.Wrong(nodes[shadow.rule], absl::StrCat("what line ", earlier.line(), " contradicts: it fits whoever this rule fits, and says ",
                                                  Said(earlier.mode()), ", not ", Said(rule.mode())),
                 "the narrower rule first: the first that fits decides");
  }
}

// What two rules may not share: a name, or everything that they ask.
class Others {
 public:
  void Check(YamlReader& reader, const Node& node, const verdict::Rule& rule) {
    const auto [named, new_name] = names_.emplace(rule.name(), rule.line());
    if (!new_name)
      reader.Wrong(node, absl::StrCat("a rule ", rule.name(), " as in line ", named->second), "each name once");
    const auto [same, is_new] = asked_.emplace(std::pair(rule.all(), rule.none()), std::pair(rule.mode(), rule.line()));
    if (is_new) return;
    const auto& [mode, line] = same->second;
    if (mode == rule.mode())
      reader.Wrong(node, absl::StrCat("the rule of line ", line, " again"), "each rule once");
    else
      reader.Wrong(node, absl::StrCat("what contradicts line ", line, ": it asks the same and says ", Said(mode), ", this says ", Said(rule.mode())),
                   "one answer for one opener; the first rule that fits decides");
  }

 private:
  std::map<std::string, int> names_;
  std::map<std::pair<verdict::Values, verdict::Values>, std::pair<std::optional<verdict::Mode>, int>> asked_;
};

}  // namespace

std::optional<uint32_t> ReadAccount(YamlReader& reader, const Node& node, const host::NumbersByName& known,
                                    const std::string& kind) {
  const auto text = reader.Text(node, absl::StrCat("a ", kind, "'s name or number"));
  if (!text) return std::nullopt;
  const auto id = verdict::Value::Of(Field::kUid, *text);
  if (id) return static_cast<uint32_t>(std::stoul(id->text()));
  if (const auto found = known.find(*text); found != known.end()) return found->second;
  const std::string near = Nearest(*text, NamesOf(known));
  reader.Wrong(node, YamlReader::Shown(node),
               absl::StrCat("a ", kind, " that exists here, or a number", near.empty() ? "" : absl::StrCat("; did you mean \"", near, "\"?")));
  return std::nullopt;
}

void ReadRules(YamlReader& reader, const Node& node, GuardDraft& into) {
  std::vector<verdict::Rule> rules;
  std::vector<Node> nodes;
  Others others;
  size_t number = 0;
  bool full = false;
  reader.List(node, "rules; [] allows nobody", [&](const Node& element) {
    if (full) return;
    full = ++into.draft->rules > kRulesLimit || into.draft->values > kValuesLimit;
    if (into.draft->rules == kRulesLimit + 1)
      reader.Wrong(element, "one rule more", absl::StrCat("at most ", kRulesLimit, " in all guards"));
    if (full) return;
    auto rule = ReadRule(reader, element, ++number, *into.draft);
    if (!rule) return;
    others.Check(reader, element, *rule);
    rules.push_back(*std::move(rule));
    nodes.push_back(element);
  });
  into.config.rules = std::make_shared<const verdict::Rules>(std::move(rules));
  CheckShadows(reader, nodes, *into.config.rules);
}

}  // namespace belfry::engine
