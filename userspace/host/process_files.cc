#include "host/process_files.h"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstdlib>
#include <memory>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "kit/error.h"
#include "kit/read_file.h"

namespace belfry::host {
namespace {

// A process may be in 65,536 groups of up to 11 bytes each (NGROUPS_MAX, one line of status).
constexpr size_t kStatusBytes = 1 << 20;
constexpr size_t kStatBytes = 16384;

absl::string_view View(std::string_view s) { return absl::string_view(s.data(), s.size()); }

template <typename Number>
absl::StatusOr<std::vector<Number>> Numbers(absl::string_view line, const char* name) {
  std::vector<Number> out;
  for (absl::string_view word : absl::StrSplit(line, absl::ByAnyChar("\t "), absl::SkipEmpty())) {
    Number number;
    if (!absl::SimpleAtoi(word, &number)) {
      return kit::Error(absl::StatusCode::kInvalidArgument, "reading a process's status",
                        absl::StrCat(name, " is not made of numbers"));
    }
    out.push_back(number);
  }
  return out;
}

// ESRCH from an open directory of /proc, ENOENT from a path in it: the process is gone either way.
absl::Status Failed(const std::string& doing) {
  if (errno == ESRCH) errno = ENOENT;
  return kit::ErrnoError(doing);
}

absl::Status Missing(const char* name) {
  return kit::Error(absl::StatusCode::kInvalidArgument, "reading a process's status",
                    absl::StrCat("there is no whole line ", name));
}

}  // namespace

std::string ProcRoot() {
  const char* root = getenv("HOST_PROC");
  return root != nullptr && *root != '\0' ? root : "/proc";
}

absl::StatusOr<ProcessStatus> ParseProcessStatus(std::string_view text) {
  ProcessStatus out;
  bool uid_seen = false, gid_seen = false;
  for (absl::string_view line : absl::StrSplit(View(text), '\n')) {
    const std::pair<absl::string_view, absl::string_view> parts = absl::StrSplit(line, absl::MaxSplits(':', 1));
    const auto& [name, value] = parts;
    // The kernel escapes newlines in Name, so no line here can be the process's own invention.
    if (name == "State") {
      const absl::string_view state = absl::StripAsciiWhitespace(value);
      out.state = state.empty() ? 0 : state[0];
    } else if (name == "Tgid" || name == "PPid" || name == "TracerPid") {
      auto numbers = Numbers<int64_t>(value, "a process number");
      if (!numbers.ok() || numbers->size() != 1) return Missing("Tgid, PPid or TracerPid");
      (name == "Tgid" ? out.tgid : name == "PPid" ? out.parent : out.tracer) = numbers->front();
    } else if (name == "Uid" || name == "Gid") {
      auto numbers = Numbers<uint32_t>(value, "Uid or Gid");  // real, effective, saved, filesystem
      if (!numbers.ok() || numbers->size() != 4) return Missing("Uid or Gid");
      (name == "Uid" ? out.uid : out.gid) = (*numbers)[1];
      (name == "Uid" ? uid_seen : gid_seen) = true;
    } else if (name == "Groups") {
      auto numbers = Numbers<uint32_t>(value, "Groups");
      if (!numbers.ok()) return numbers.status();
      out.supplementary_gids = *std::move(numbers);
    } else if (name == "NSpid") {
      auto numbers = Numbers<int64_t>(value, "NSpid");
      if (!numbers.ok()) return numbers.status();
      out.pids = *std::move(numbers);
    }
  }
  if (!uid_seen || !gid_seen) return Missing("Uid or Gid");
  return out;
}

absl::StatusOr<uint64_t> ParseStartTicks(std::string_view stat) {
  constexpr size_t kFieldsAfterName = 19;  // state is field 3, starttime field 22
  const size_t end = stat.rfind(')');
  if (end != std::string_view::npos) {
    const std::vector<absl::string_view> fields =
        absl::StrSplit(View(stat.substr(end + 1)), absl::ByAnyChar(" \n"), absl::SkipEmpty());
    uint64_t ticks;
    if (fields.size() > kFieldsAfterName && absl::SimpleAtoi(fields[kFieldsAfterName], &ticks)) return ticks;
  }
  return kit::Error(absl::StatusCode::kInvalidArgument, "reading a process's start time",
                    "stat is not as proc(5) says");
}

absl::StatusOr<ProcessFiles> ProcessFiles::Open(int64_t pid, const std::string& proc_root) {
  const std::string doing = absl::StrCat("looking for process ", pid);
  if (pid <= 0) return kit::Error(absl::StatusCode::kNotFound, doing, "this number never names a process");
  kit::OwnedFd directory(open(absl::StrCat(proc_root, "/", pid).c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!directory) return Failed(doing);
  return ProcessFiles(pid, std::move(directory));
}

absl::StatusOr<kit::OwnedFd> ProcessFiles::OpenAt(const char* name, int flags) const {
  kit::OwnedFd fd(openat(directory_.get(), name, flags | O_CLOEXEC | O_NOCTTY));
  if (!fd) return Failed(absl::StrCat("opening ", name, " of process ", pid_));
  return fd;
}

absl::StatusOr<kit::OwnedFd> ProcessFiles::OpenExePath() const { return OpenAt("exe", O_PATH); }

// O_NONBLOCK: an executable is a regular file, but the number may belong to anything by the time we open it.
absl::StatusOr<kit::OwnedFd> ProcessFiles::OpenExe() const { return OpenAt("exe", O_RDONLY | O_NONBLOCK); }

absl::StatusOr<kit::OwnedFd> ProcessFiles::OpenExeOfAnyThread(bool for_content) const {
  auto own = for_content ? OpenExe() : OpenExePath();
  if (own.ok() || !absl::IsNotFound(own.status())) return own;
  auto tasks = OpenAt("task", O_RDONLY | O_DIRECTORY);
  if (!tasks.ok()) return own;
  const auto close_listing = [](DIR* open) { closedir(open); };
  const std::unique_ptr<DIR, decltype(close_listing)> listing(fdopendir(tasks->get()), close_listing);
  if (!listing) return own;
  tasks->Release();
  while (const dirent* entry = readdir(listing.get())) {
    if (entry->d_name[0] == '.') continue;
    const std::string name = absl::StrCat("task/", entry->d_name, "/exe");
    auto exe = OpenAt(name.c_str(), for_content ? O_RDONLY | O_NONBLOCK : O_PATH);
    if (exe.ok()) return exe;
  }
  return own;
}

absl::StatusOr<kit::OwnedFd> ProcessFiles::OpenMemory() const { return OpenAt("mem", O_RDWR); }

absl::StatusOr<ProcessStatus> ProcessFiles::Status() const {
  auto fd = OpenAt("status", O_RDONLY);
  if (!fd.ok()) return fd.status();
  auto text = kit::ReadFd(fd->get(), kStatusBytes, absl::StrCat("status of process ", pid_));
  if (!text.ok()) return text.status();
  return ParseProcessStatus(*text);
}

absl::StatusOr<uint64_t> ProcessFiles::StartTicks() const {
  auto fd = OpenAt("stat", O_RDONLY);
  if (!fd.ok()) return fd.status();
  auto text = kit::ReadFd(fd->get(), kStatBytes, absl::StrCat("stat of process ", pid_));
  if (!text.ok()) return text.status();
  return ParseStartTicks(*text);
}

absl::StatusOr<std::vector<std::string>> ProcessFiles::CommandLine(size_t limit) const {
  auto fd = OpenAt("cmdline", O_RDONLY);
  if (!fd.ok()) return fd.status();
  std::string text(limit, '\0');
  size_t size = 0;
  while (size < limit) {
    const ssize_t got = read(fd->get(), text.data() + size, limit - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return Failed(absl::StrCat("reading the command line of process ", pid_));
    if (got == 0) break;
    size += got;
  }
  text.resize(size);
  if (!text.empty() && text.back() == '\0') text.pop_back();
  if (text.empty()) return std::vector<std::string>();
  return std::vector<std::string>(absl::StrSplit(text, '\0'));
}

namespace {

absl::StatusOr<std::string> LinkTarget(const std::string& link, const char* doing) {
  std::string path(PATH_MAX, '\0');
  const ssize_t length = readlink(link.c_str(), path.data(), path.size());
  if (length < 0) return kit::ErrnoError(doing, "is /proc mounted?");
  path.resize(length);
  return path;
}

}  // namespace

absl::StatusOr<std::string> ExecutableNow(int64_t pid, const std::string& proc_root) {
  return LinkTarget(absl::StrCat(proc_root, "/", pid, "/exe"), "reading the path of an executable");
}

static absl::StatusOr<uint32_t> NetworkNamespaceAt(const std::string& link) {
  const auto name = LinkTarget(link, "reading a network namespace");  // "net:[4026531840]"
  if (!name.ok()) return name.status();
  absl::string_view text = *name;
  uint32_t number = 0;
  if (absl::ConsumePrefix(&text, "net:[") && absl::ConsumeSuffix(&text, "]") && absl::SimpleAtoi(text, &number)) return number;
  return kit::Error(absl::StatusCode::kInternal, "reading a network namespace", absl::StrCat(link, " is ", *name));
}

absl::StatusOr<uint32_t> NetworkNamespaceNow(int64_t pid, const std::string& proc_root) {
  return NetworkNamespaceAt(absl::StrCat(proc_root, "/", pid, "/ns/net"));
}

absl::StatusOr<uint32_t> OwnNetworkNamespace() { return NetworkNamespaceAt("/proc/self/ns/net"); }

absl::StatusOr<std::string> PathOf(int fd) {
  return LinkTarget(absl::StrCat("/proc/self/fd/", fd), "reading the path of an open file");
}

}  // namespace belfry::host
