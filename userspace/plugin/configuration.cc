#include "plugin/configuration.h"

#include <sys/un.h>

#include <cctype>
#include <cerrno>
#include <cstdlib>
#include <optional>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "kit/escape.h"
#include "plugin/hcl.h"

namespace belfry::plugin {
namespace {

absl::Status Wrong(const HclSetting& setting, absl::string_view expected) {
  return HclError(setting.value_at, absl::StrCat(kit::Escape(setting.name, 64), " is not ", expected),
                  absl::StrCat("give ", expected));
}

// As Go's strconv.ParseInt(text, 0, 64): sign, 0x, 0o, 0b or a leading 0, and underscores between digits after a
// prefix or between any two digits.
std::optional<int64_t> ParseGoInteger(std::string_view text) {
  const bool negative = !text.empty() && text[0] == '-';
  if (!text.empty() && (text[0] == '-' || text[0] == '+')) text.remove_prefix(1);
  int base = 10;
  bool digit_before = false;  // an underscore may follow a digit or a base prefix
  if (text.size() > 1 && text[0] == '0') {
    const char mark = static_cast<char>(text[1] | 0x20);
    base = mark == 'x' ? 16 : mark == 'o' || (mark != 'b' && mark != 'x') ? 8 : 2;
    text.remove_prefix(mark == 'x' || mark == 'o' || mark == 'b' ? 2 : 1);
    digit_before = true;
  }
  std::string digits;
  for (const char c : text) {
    if (c == '_' && digit_before) {
      digit_before = false;
      continue;
    }
    if (!isxdigit(static_cast<unsigned char>(c))) return std::nullopt;
    digits.push_back(c);
    digit_before = true;
  }
  if (digits.empty() || !digit_before) return std::nullopt;
  if (negative) digits.insert(digits.begin(), '-');
  errno = 0;
  char* end = nullptr;
  const long long value = strtoll(digits.c_str(), &end, base);
  if (errno != 0 || *end != '\0') return std::nullopt;
  return value;
}

absl::Status SetDiscover(const HclSetting& setting, Configuration& out) {
  if (setting.kind != HclSetting::kBool) return Wrong(setting, "true or false, without quotes");
  out.discover_workload_path = setting.text == "true";
  return absl::OkStatus();
}

absl::Status SetSizeLimit(const HclSetting& setting, Configuration& out) {
  std::optional<int64_t> value;
  if (setting.kind == HclSetting::kNumber || setting.kind == HclSetting::kString) value = ParseGoInteger(setting.text);
  if (!value) return Wrong(setting, "a whole number of bytes");
  out.workload_size_limit = *value;
  return absl::OkStatus();
}

absl::Status SetAssume(const HclSetting& setting, Configuration& out) {
  const std::optional<verdict::Mode> mode = setting.text == "deny"      ? std::optional(verdict::Mode::kDeny)
                                            : setting.text == "observe" ? std::optional(verdict::Mode::kObserve)
                                                                        : std::nullopt;
  if (setting.kind != HclSetting::kString || !mode) return Wrong(setting, "\"deny\" or \"observe\"");
  out.assume = *mode;
  return absl::OkStatus();
}

absl::Status SetSocket(const HclSetting& setting, Configuration& out) {
  const bool fits = setting.text.size() < sizeof(sockaddr_un::sun_path) && setting.text.find('\0') == std::string::npos;
  if (setting.kind != HclSetting::kString || !absl::StartsWith(setting.text, "/") || !fits) {
    return Wrong(setting, "the absolute path of a socket, at most 107 bytes");
  }
  out.attest_socket = setting.text;
  return absl::OkStatus();
}

absl::Status SetDeadline(const HclSetting& setting, Configuration& out) {
  absl::Duration value;
  if (setting.kind != HclSetting::kString || !absl::ParseDuration(setting.text, &value) ||
      value < absl::Milliseconds(1) || value > absl::Minutes(1)) {
    return Wrong(setting, "a duration between \"1ms\" and \"60s\"");
  }
  out.deadline = absl::ToChronoMilliseconds(value);
  return absl::OkStatus();
}

absl::Status SetProfile(const HclSetting& setting, Configuration& out) {
  if (setting.kind != HclSetting::kString || (setting.text != "unix" && setting.text != "belfry")) {
    return Wrong(setting, "\"unix\" or \"belfry\"");
  }
  out.profile = setting.text == "unix" ? Profile::kUnix : Profile::kBelfry;
  return absl::OkStatus();
}

constexpr struct {
  const char* name;
  absl::Status (*set)(const HclSetting&, Configuration&);
} kKeys[] = {
    {"discover_workload_path", SetDiscover},
    {"workload_size_limit", SetSizeLimit},
    {"assume", SetAssume},
    {"attest_socket", SetSocket},
    {"deadline", SetDeadline},
    {"profile", SetProfile},
};

}  // namespace

absl::StatusOr<ReadConfiguration> ReadConfigurationText(std::string_view text, Profile profile) {
  absl::StatusOr<std::vector<HclSetting>> settings = ParseHcl(text);
  if (!settings.ok()) return settings.status();
  ReadConfiguration read;
  read.configuration.profile = profile;
  for (const HclSetting& setting : *settings) {
    bool known = false;
    for (const auto& key : kKeys) {
      if (!absl::EqualsIgnoreCase(setting.name, key.name)) continue;
      known = true;
      if (absl::Status status = key.set(setting, read.configuration); !status.ok()) return status;
    }
    if (!known) {
      read.warnings.push_back(absl::StrCat("plugin_data: line ", setting.at.line, ", column ", setting.at.column,
                                           ": unknown setting ", kit::Escape(setting.name, 64), " is ignored"));
    }
  }
  return read;
}

}  // namespace belfry::plugin
