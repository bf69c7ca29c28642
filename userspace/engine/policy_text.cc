#include "engine/policy_text.h"

#include <algorithm>
#include <cctype>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "kit/utc_text.h"

namespace belfry::engine {
namespace {

using verdict::Field;

std::string CountText(const Learnt::Times& times) {
  return absl::StrCat(times.connects, times.connects == 1 ? " connect" : " connects", ", first ",
                      kit::UtcText(times.first_ns), "Z, last ", kit::UtcText(times.last_ns), "Z");
}

// A name is written only where it means the same number here.
std::string UserText(const std::string& number, const Learnt::Guard& guard, const host::Accounts& accounts) {
  const auto name = guard.users.find(number);
  if (name == guard.users.end()) return number;
  const auto account = accounts.users.find(name->second);
  return account != accounts.users.end() && absl::StrCat(account->second) == number ? name->second : number;
}

std::string FieldText(Field field, const verdict::Values& values, const Learnt::Guard& guard, const host::Accounts& accounts) {
  std::vector<std::string> texts;
  for (const std::string& text : verdict::ValuesOf(values, field))
    texts.push_back(QuotedForYaml(field == Field::kUid ? UserText(text, guard, accounts) : text));
  if (texts.empty()) return "";
  const std::string key = field == Field::kUid ? "user" : field == Field::kGid ? "group" : verdict::FieldKey(field);
  return absl::StrCat(key, ": ", texts.size() == 1 ? texts.front() : absl::StrCat("[", absl::StrJoin(texts, ", "), "]"));
}

}  // namespace

std::string QuotedForYaml(const std::string& text) {
  const bool plain = !text.empty() && std::all_of(text.begin(), text.end(), [](unsigned char c) {
    return std::isalnum(c) != 0 || absl::StrContains("/._+-", static_cast<char>(c));
  }) && text.front() != '-';
  if (plain) return text;
  std::string quoted = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    static constexpr char kHex[] = "0123456789abcdef";
    if (byte < 0x20 || byte == 0x7F)
      absl::StrAppend(&quoted, "\\x", std::string({kHex[byte >> 4], kHex[byte & 15]}));
    else
      absl::StrAppend(&quoted, c == '"' || c == '\\' ? "\\" : "", std::string(1, c));
  }
  return quoted + "\"";
}

std::string RuleText(const verdict::Values& values, const Learnt::Times& times, const Learnt::Guard& guard,
                     const host::Accounts& accounts, size_t indent) {
  std::vector<std::string> fields;
  for (const Field field : verdict::kEveryField)
    if (std::string text = FieldText(field, values, guard, accounts); !text.empty()) fields.push_back(std::move(text));
  const std::string blanks(indent, ' ');
  return absl::StrCat(blanks, "# ", CountText(times), "\n", blanks, "- { ", absl::StrJoin(fields, ", "), " }\n");
}

std::string NotLearntText(const Learnt::Guard& guard, size_t indent) {
  std::string text;
  for (const auto& [who, times] : guard.not_learnt)
    absl::StrAppend(&text, std::string(indent, ' '), "# not learnt: ", who, " (", CountText(times), ")\n");
  return text;
}

std::string GuardText(const std::string& name, const Learnt::Guard& guard, const host::Accounts& accounts, size_t indent) {
  if (guard.sockets.size() != 1) return "";
  const std::string blanks(indent, ' ');
  std::string text = absl::StrCat(blanks, "- name: ", QuotedForYaml(name), "\n", blanks,
                                  std::string_view("/@").find(guard.sockets.begin()->front()) != std::string_view::npos ? "  unix: " : "  tcp: ",
                                  QuotedForYaml(*guard.sockets.begin()), "\n", blanks, "  mode: observe\n");
  if (guard.backfilled)
    absl::StrAppend(&text, blanks, "  # Some executables below are older than the watch and were read from /proc. Take this line out when\n",
                    blanks, "  # their services have been started again.\n", blanks, "  trust_backfill: true\n");
  absl::StrAppend(&text, blanks, guard.rules.empty() ? "  allow: []\n" : "  allow:\n");
  for (const auto& [values, times] : guard.rules) text += RuleText(values, times, guard, accounts, indent + 4);
  return text + NotLearntText(guard, indent + 4);
}

std::string PolicyText(const Learnt& learnt, const host::Accounts& accounts) {
  size_t rules = 0;
  for (const auto& [name, guard] : learnt.guards()) rules += guard.rules.size();
  std::string text = absl::StrCat("# Written by belfry learn: allows exactly who was seen, by executable, script, user, unit, container and pod.\n",
                                  "# ", CountText(learnt.all()), "; ", rules, rules == 1 ? " rule" : " rules", ".\n");
  if (learnt.lost() > 0) absl::StrAppend(&text, "# ", learnt.lost(), " lines were lost: who is in none of the others is not allowed.\n");
  absl::StrAppend(&text, "version: 1\nguards:", learnt.guards().empty() ? " []\n" : "\n");
  for (const auto& [name, guard] : learnt.guards()) {
    const std::string element = GuardText(name, guard, accounts, 2);
    if (!element.empty())
      text += element;
    else
      absl::StrAppend(&text, "  # guard ", name, " has several sockets: use --merge with its configuration\n", NotLearntText(guard, 2));
  }
  return text;
}

}  // namespace belfry::engine
