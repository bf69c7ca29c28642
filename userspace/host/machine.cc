#include "host/machine.h"

#include <sys/stat.h>
#include <sys/utsname.h>

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "kit/escape.h"
#include "kit/read_file.h"

namespace belfry::host {
namespace {

constexpr size_t kSmallFileBytes = 65536;

absl::string_view View(std::string_view s) { return absl::string_view(s.data(), s.size()); }

}  // namespace

bool TracingIsOff() {
  const auto scope = kit::ReadFile("/proc/sys/kernel/yama/ptrace_scope", kSmallFileBytes);
  return scope.ok() && scope->starts_with('3');
}

std::string KernelRelease() {
  utsname name{};
  return uname(&name) == 0 ? name.release : "";
}

std::optional<std::string> Cgroup2Root(const std::vector<Mount>& mounts) {
  // A bind mount of a part of the hierarchy (a container's view) is not its root.
  const auto found = std::find_if(mounts.begin(), mounts.end(),
                                  [](const Mount& mount) { return mount.type == "cgroup2" && mount.root == "/"; });
  return found == mounts.end() ? std::nullopt : std::optional(found->mount_point);
}

std::optional<std::string> ParseLockdown(std::string_view text) {
  for (absl::string_view word : absl::StrSplit(View(text), absl::ByAnyChar(" \n"), absl::SkipEmpty())) {
    if (word.size() > 2 && word.front() == '[' && word.back() == ']') {
      return std::string(word.substr(1, word.size() - 2));
    }
  }
  return std::nullopt;
}

std::optional<std::string> Lockdown() {
  const auto text = kit::ReadFile("/sys/kernel/security/lockdown", kSmallFileBytes);
  return text.ok() ? ParseLockdown(*text) : std::nullopt;
}

std::optional<std::vector<std::string>> ActiveLsms() {
  const auto text = kit::ReadFile("/sys/kernel/security/lsm", kSmallFileBytes);
  if (!text.ok()) return std::nullopt;
  return std::vector<std::string>(absl::StrSplit(absl::StripAsciiWhitespace(*text), ',', absl::SkipEmpty()));
}

bool CommandLineSaysOff(std::string_view command_line) {
  const std::vector<absl::string_view> words =
      absl::StrSplit(View(command_line), absl::ByAnyChar(" \t\n"), absl::SkipEmpty());
  return std::find(words.begin(), words.end(), "belfry=off") != words.end();
}

std::optional<std::string> DisarmedBy(const std::string& disarm_file) {
  struct stat at {};
  if (lstat(disarm_file.c_str(), &at) == 0) return absl::StrCat(kit::Escape(disarm_file), " exists");
  const auto command_line = kit::ReadFile("/proc/cmdline", kSmallFileBytes);
  if (command_line.ok() && CommandLineSaysOff(*command_line)) return "belfry=off is on the kernel command line";
  return std::nullopt;
}

}  // namespace belfry::host
