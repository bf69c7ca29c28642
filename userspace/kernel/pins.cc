#include "kernel/pins.h"

#include <bpf/bpf.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <system_error>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "bpf_skeleton/layout_hash.h"
#include "kernel/bpf_kernel.h"
#include "kit/error.h"

namespace belfry::kernel {
namespace {

constexpr long kBpffsMagic = 0xcafe4a11;
constexpr char kMark[] = "object-";
constexpr char kUnfinished[] = "unfinished";

// Test switch: BELFRY_TEST_LAYOUT names another layout than this build's.
std::string Layout() {
  const char* name = std::getenv("BELFRY_TEST_LAYOUT");
  return name == nullptr ? BELFRY_LAYOUT_HASH : name;
}

absl::StatusOr<int> RemoveDirectory(const std::filesystem::path& directory) {
  int removed = 0;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(directory, error)) {
    const bool is_mark = entry.is_directory(error);
    if ((is_mark ? rmdir(entry.path().c_str()) : unlink(entry.path().c_str())) != 0)
      return kit::ErrnoError("removing the pin " + entry.path().string(), "be root");
    if (!is_mark) ++removed;
  }
  if (rmdir(directory.c_str()) != 0) return kit::ErrnoError("removing " + directory.string());
  return removed;
}

// Of every layout of ours in `bpffs`, but for one directory. Returns how many pins that were.
absl::StatusOr<int> RemoveAllBut(const std::filesystem::path& bpffs, const std::filesystem::path& kept) {
  int removed = 0;
  std::error_code error;
  std::filesystem::directory_iterator directories(bpffs, error);
  if (error) return kit::Error(absl::StatusCode::kUnavailable, "reading " + bpffs.string(), error.message(), "be root");
  for (const auto& directory : directories) {
    if (directory.path() == kept || !absl::StartsWith(directory.path().filename().string(), kPinPrefix)) continue;
    const auto gone = RemoveDirectory(directory.path());
    if (!gone.ok()) return gone;
    removed += *gone;
  }
  return removed;
}

absl::Status EnsureBpffs(const std::string& path) {
  if (IsBpffs(path)) return absl::OkStatus();
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (mount("bpf", path.c_str(), "bpf", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=0700") == 0) return absl::OkStatus();
  return kit::ErrnoError(absl::StrCat("mounting a BPF filesystem on ", path),
                         "mount one there (`mount -t bpf bpf " + path + "`), or name another directory with `bpffs:`");
}

}  // namespace

bool IsBpffs(const std::string& path) {
  struct statfs fs = {};
  return statfs(path.c_str(), &fs) == 0 && static_cast<uint32_t>(fs.f_type) == static_cast<uint32_t>(kBpffsMagic);
}

absl::StatusOr<Pins> Pins::Open(const std::string& bpffs) {
  if (absl::Status s = EnsureBpffs(bpffs); !s.ok()) return s;
  std::string directory = absl::StrCat(bpffs, "/", kPinPrefix, Layout());
  if (mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST) {
    return kit::ErrnoError(absl::StrCat("making the pin directory ", directory));
  }
  return Pins(std::move(directory));
}

kit::OwnedFd Pins::Get(const std::string& name) const {
  return kit::OwnedFd(bpf_obj_get(absl::StrCat(directory_, "/", name).c_str()));
}

absl::Status Pins::Put(const std::string& name, int fd) const {
  const std::string path = absl::StrCat(directory_, "/", name);
  const std::string fresh = path + "_new";  // bpffs refuses names with a dot
  unlink(fresh.c_str());
  if (bpf_obj_pin(fd, fresh.c_str()) != 0) return kit::ErrnoError(absl::StrCat("pinning ", fresh));
  if (rename(fresh.c_str(), path.c_str()) != 0) return kit::ErrnoError(absl::StrCat("pinning ", path));
  return absl::OkStatus();
}

bool Pins::HasMark(const std::string& object) const {
  return access(absl::StrCat(directory_, "/", kMark, object).c_str(), F_OK) == 0;
}

bool Pins::HasMarkOf(const std::string& beginning) const {
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(directory_, error))
    if (absl::StartsWith(entry.path().filename().string(), absl::StrCat(kMark, beginning))) return true;
  return false;
}

void Pins::ClearMark(const std::string& but) const {
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(directory_, error)) {
    const std::string name = entry.path().filename().string();
    if (absl::StartsWith(name, kMark) && name != but) rmdir(entry.path().c_str());
  }
}

absl::Status Pins::MarkUnfinished() const {
  const std::string path = absl::StrCat(directory_, "/", kMark, kUnfinished);
  return mkdir(path.c_str(), 0700) == 0 || errno == EEXIST ? absl::OkStatus() : kit::ErrnoError("marking the pins with " + path);
}

bool Pins::IsUnfinished() const { return HasMark(kUnfinished); }

// Never without one: pins without a mark are those of somebody who did not get so far.
absl::Status Pins::SetMark(const std::string& object) const {
  const std::string mark = absl::StrCat(kMark, object), path = absl::StrCat(directory_, "/", mark);
  if (mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) return kit::ErrnoError(absl::StrCat("marking the pins with ", path));
  ClearMark(mark);
  return absl::OkStatus();
}

void Pins::Keep(const std::string& prefix, std::span<const std::string> names) const {
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(directory_, error)) {
    const std::string name = entry.path().filename().string();
    if (absl::StartsWith(name, prefix) && std::find(names.begin(), names.end(), name) == names.end())
      unlink(entry.path().c_str());
  }
}

absl::Status Pins::RemoveOthers() const {
  const std::filesystem::path own(directory_);
  return RemoveAllBut(own.parent_path(), own).status();
}

absl::StatusOr<int> RemovePins(const std::string& bpffs) {
  if (!IsBpffs(bpffs)) return 0;
  return RemoveAllBut(bpffs, "");
}

}  // namespace belfry::kernel
