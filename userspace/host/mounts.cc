#include "host/mounts.h"

#include <fcntl.h>
#include <poll.h>

#include <optional>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "kit/error.h"
#include "kit/read_file.h"

namespace belfry::host {
namespace {

constexpr const char* kPath = "/proc/self/mountinfo";
constexpr size_t kMountinfoBytes = 64 << 20;  // 100,000 mounts are allowed for each namespace (fs.mount-max)

bool IsOctal(char c) { return c >= '0' && c <= '7'; }

// The kernel writes space, tab, newline, backslash and # as \ and three octal digits.
std::string Unescape(absl::string_view s) {
  std::string out;
  for (size_t i = 0; i < s.size(); ++i) {
    if (s[i] == '\\' && i + 3 < s.size() && IsOctal(s[i + 1]) && IsOctal(s[i + 2]) && IsOctal(s[i + 3])) {
      out.push_back(static_cast<char>((s[i + 1] - '0') << 6 | (s[i + 2] - '0') << 3 | (s[i + 3] - '0')));
      i += 3;
    } else {
      out.push_back(s[i]);
    }
  }
  return out;
}

std::optional<uint32_t> ParseDev(absl::string_view major_minor) {
  const std::vector<absl::string_view> parts = absl::StrSplit(major_minor, ':');
  uint32_t major, minor;
  if (parts.size() != 2 || !absl::SimpleAtoi(parts[0], &major) || !absl::SimpleAtoi(parts[1], &minor)) {
    return std::nullopt;
  }
  return major << 20 | minor;
}

// 36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue
std::optional<Mount> ParseLine(absl::string_view line) {
  constexpr size_t kBeforeOptional = 6;
  const std::vector<absl::string_view> fields = absl::StrSplit(line, ' ');
  Mount mount;
  size_t separator = kBeforeOptional;
  while (separator < fields.size() && fields[separator] != "-") ++separator;
  if (separator + 1 >= fields.size()) return std::nullopt;
  const std::optional<uint32_t> dev = ParseDev(fields[2]);
  if (!dev || !absl::SimpleAtoi(fields[0], &mount.id) || !absl::SimpleAtoi(fields[1], &mount.parent)) {
    return std::nullopt;
  }
  mount.dev = *dev;
  mount.root = Unescape(fields[3]);
  mount.mount_point = Unescape(fields[4]);
  mount.type = std::string(fields[separator + 1]);
  return mount;
}

}  // namespace

absl::StatusOr<std::vector<Mount>> ParseMountinfo(std::string_view text) {
  std::vector<Mount> mounts;
  for (absl::string_view line : absl::StrSplit(absl::string_view(text.data(), text.size()), '\n', absl::SkipEmpty())) {
    std::optional<Mount> mount = ParseLine(line);
    if (!mount) {
      return kit::Error(absl::StatusCode::kInvalidArgument, absl::StrCat("reading ", kPath),
                        absl::StrCat("line ", mounts.size() + 1, " is not as proc(5) says"));
    }
    mounts.push_back(*std::move(mount));
  }
  return mounts;
}

absl::StatusOr<std::vector<Mount>> ReadMounts() {
  auto text = kit::ReadFile(kPath, kMountinfoBytes);
  if (!text.ok()) return text.status();
  return ParseMountinfo(*text);
}

absl::StatusOr<MountWatch> MountWatch::Open() {
  kit::OwnedFd fd(open(kPath, O_RDONLY | O_CLOEXEC));
  if (!fd) return kit::ErrnoError(absl::StrCat("opening ", kPath), "is /proc mounted?");
  return MountWatch(std::move(fd));
}

// The kernel reports a change once for each open file, then considers it told (fs/proc_namespace.c, mounts_poll).
bool MountWatch::Changed() {
  pollfd waiting{fd_.get(), POLLPRI, 0};
  return poll(&waiting, 1, 0) > 0 && (waiting.revents & (POLLPRI | POLLERR));
}

}  // namespace belfry::host
