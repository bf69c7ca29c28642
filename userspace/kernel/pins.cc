#include "kernel/pins.h"

#include <bpf/bpf.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
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
  std::string directory = absl::StrCat(bpffs, "/", kPinPrefix, BELFRY_LAYOUT_HASH);
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

void Pins::ClearMark() const {
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(directory_, error)) {
    if (absl::StartsWith(entry.path().filename().string(), kMark)) rmdir(entry.path().c_str());
  }
}

absl::Status Pins::SetMark(const std::string& object) const {
  ClearMark();
  const std::string path = absl::StrCat(directory_, "/", kMark, object);
  if (mkdir(path.c_str(), 0700) == 0 || errno == EEXIST) return absl::OkStatus();
  return kit::ErrnoError(absl::StrCat("marking the pins with ", path));
}

absl::StatusOr<int> RemovePins(const std::string& bpffs) {
  if (!IsBpffs(bpffs)) return 0;
  int removed = 0;
  std::error_code error;
  std::filesystem::directory_iterator directories(bpffs, error);
  if (error) return kit::Error(absl::StatusCode::kUnavailable, "reading " + bpffs, error.message(), "be root");
  for (const auto& directory : directories) {
    if (!absl::StartsWith(directory.path().filename().string(), kPinPrefix)) continue;
    for (const auto& entry : std::filesystem::directory_iterator(directory.path(), error)) {
      const bool is_mark = entry.is_directory(error);
      if ((is_mark ? rmdir(entry.path().c_str()) : unlink(entry.path().c_str())) != 0) {
        return kit::ErrnoError("removing the pin " + entry.path().string(), "be root");
      }
      if (!is_mark) ++removed;
    }
    if (rmdir(directory.path().c_str()) != 0) return kit::ErrnoError("removing " + directory.path().string());
  }
  return removed;
}

}  // namespace belfry::kernel
