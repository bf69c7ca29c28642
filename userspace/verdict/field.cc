#include "verdict/field.h"

#include <algorithm>
#include <cctype>
#include <limits>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"

namespace belfry::verdict {
namespace {

using Text = std::optional<std::string>;

constexpr size_t kPathBytes = 4095;  // PATH_MAX without its NUL
constexpr size_t kUnitBytes = 255;
constexpr size_t kDigestDigits = 64, kContainerDigits = 64, kPodDigits = 32;

bool AllOf(std::string_view text, bool (*allowed)(unsigned char)) {
  return std::all_of(text.begin(), text.end(), [&](char c) { return allowed(static_cast<unsigned char>(c)); });
}

// The components of an absolute path, without empty ones and "."; nullopt: not one, or it goes back up. With a symbolic
// link on the way ".." means another file than its spelling says.
std::optional<std::vector<std::string>> Components(std::string_view text) {
  if (text.empty() || text.front() != '/' || text.size() > kPathBytes || text.find('\0') != std::string_view::npos)
    return std::nullopt;
  std::vector<std::string> parts;
  for (const absl::string_view part : absl::StrSplit(absl::string_view(text.data(), text.size()), '/', absl::SkipEmpty())) {
    if (part == "..") return std::nullopt;
    if (part != ".") parts.emplace_back(part);
  }
  return parts;
}
Text Joined(const std::vector<std::string>& parts) { return absl::StrCat("/", absl::StrJoin(parts, "/")); }

Text File(std::string_view text) {
  const auto parts = Components(text);
  return parts && !parts->empty() && text.back() != '/' ? Joined(*parts) : std::nullopt;
}

// "**" stands for whole components only.
Text CgroupPattern(std::string_view text) {
  const auto parts = Components(text);
  if (!parts) return std::nullopt;
  for (const std::string& part : *parts)
    if (part != "**" && absl::StrContains(part, "**")) return std::nullopt;
  return Joined(*parts);
}

Text Hex(std::string_view text, size_t digits) {
  if (text.size() != digits || !AllOf(text, [](unsigned char c) { return std::isxdigit(c) != 0; })) return std::nullopt;
  return absl::AsciiStrToLower(absl::string_view(text.data(), text.size()));
}

// The highest number means "none" to the kernel.
Text Id(std::string_view text) {
  uint32_t number = 0;
  if (!AllOf(text, [](unsigned char c) { return std::isdigit(c) != 0; })) return std::nullopt;
  if (!absl::SimpleAtoi(absl::string_view(text.data(), text.size()), &number)) return std::nullopt;
  return number == std::numeric_limits<uint32_t>::max() ? std::nullopt : Text(absl::StrCat(number));
}

Text Unit(std::string_view text) {
  const auto allowed = [](unsigned char c) { return std::isalnum(c) != 0 || absl::StrContains(":_.\\@-", c); };
  if (text.size() > kUnitBytes || !AllOf(text, allowed)) return std::nullopt;
  for (const std::string_view kind : {".service", ".scope", ".socket", ".mount", ".swap"})
    if (text.size() > kind.size() && text.ends_with(kind)) return std::string(text);
  return std::nullopt;
}

Text Pod(std::string_view text) {
  const auto allowed = [](unsigned char c) { return std::isxdigit(c) != 0 || c == '-'; };
  const size_t digits = text.size() - static_cast<size_t>(std::count(text.begin(), text.end(), '-'));
  if (digits != kPodDigits || !AllOf(text, allowed)) return std::nullopt;
  return absl::AsciiStrToLower(absl::string_view(text.data(), text.size()));
}

Text Realm(std::string_view text) { return text == "host" || text == "other" ? Text(text) : std::nullopt; }
Text Digest(std::string_view text) { return Hex(text, kDigestDigits); }
Text Container(std::string_view text) { return Hex(text, kContainerDigits); }

struct Word {
  const char* key;
  const char* takes;
  Text (*read)(std::string_view text);
};

// In the order of enum Field.
constexpr std::array<Word, kFields> kWords = {{
    {"exe", "an absolute path without \"..\", such as /usr/bin/payments", File},
    {"script", "an absolute path without \"..\", such as /opt/backup.sh", File},
    {"sha256", "64 hexadecimal digits", Digest},
    {"uid", "a user's name or number", Id},
    {"gid", "a group's name or number", Id},
    {"unit", "a unit of the service manager, such as billing.service", Unit},
    {"cgroup", "an absolute path in the v2 hierarchy, such as /kubepods.slice/**; ** stands for whole components", CgroupPattern},
    {"container", "a container's whole id, 64 hexadecimal digits", Container},
    {"pod", "a pod's uid, 32 hexadecimal digits", Pod},
    {"ancestor", "an absolute path without \"..\", such as /usr/sbin/sshd", File},
    {"netns", "host or other", Realm},
    {"mntns", "host or other", Realm},
    {"userns", "host or other", Realm},
}};

}  // namespace

const char* FieldKey(Field field) { return kWords[IndexOf(field)].key; }
const char* FieldTakes(Field field) { return kWords[IndexOf(field)].takes; }

std::optional<Value> Value::Of(Field field, std::string_view text) {
  Text read = kWords[IndexOf(field)].read(text);
  return read ? std::optional(Value(field, *std::move(read))) : std::nullopt;
}

}  // namespace belfry::verdict
