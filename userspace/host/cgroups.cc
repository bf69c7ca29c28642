#include "host/cgroups.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cctype>
#include <cstring>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "host/machine.h"
#include "host/mounts.h"
#include "host/process_files.h"

namespace belfry::host {
namespace {

constexpr size_t kKnownMax = 4096;
constexpr size_t kContainerIdDigits = 64;
constexpr int kFileidKernfs = 0xfe;  // include/linux/exportfs.h: eight bytes, the cgroup's number

using Text = absl::string_view;

bool Unescaped(Text name) {
  return std::all_of(name.begin(), name.end(), [](unsigned char c) { return std::isxdigit(c) != 0 || c == '-' || c == '_'; });
}

// systemd's rule: slices lead to the unit.
bool IsUnit(Text name) {
  for (const Text kind : {".service", ".scope", ".socket", ".mount", ".swap"})
    if (absl::EndsWith(name, kind)) return true;
  return false;
}

// "docker-ID.scope", "cri-containerd-ID.scope", or the id alone. What watches a container bears another prefix.
std::string ContainerIn(Text name) {
  if (absl::EndsWith(name, ".scope")) name.remove_suffix(6);
  if (name.size() < kContainerIdDigits) return "";
  const Text id = name.substr(name.size() - kContainerIdDigits);
  const Text runtime = name.substr(0, name.size() - kContainerIdDigits);
  const bool hex = std::all_of(id.begin(), id.end(), [](unsigned char c) { return std::isxdigit(c) != 0; });
  if (!hex) return "";
  for (const Text known : {"", "docker-", "cri-containerd-", "crio-", "libpod-", "nerdctl-"})
    if (runtime == known) return std::string(id);
  return "";
}

// "podUID" or "kubepods-burstable-podUID.slice" with '-' written as '_'.
std::string PodIn(Text name) {
  if (absl::EndsWith(name, ".slice")) name.remove_suffix(6);
  const size_t at = name.rfind("pod");
  if (at == Text::npos || (at != 0 && name[at - 1] != '-')) return "";
  std::string uid(name.substr(at + 3));
  if (uid.size() < 32 || !Unescaped(uid)) return "";
  std::replace(uid.begin(), uid.end(), '_', '-');
  return uid;
}

}  // namespace

Home HomeOf(std::string_view cgroup_path) {
  Home home{.cgroup = std::string(cgroup_path)};
  size_t depth = 0;
  const auto take = [&](std::string& into, size_t& at, std::string found) {
    if (!into.empty() || found.empty()) return;
    into = std::move(found);
    at = depth;
  };
  for (const Text name : absl::StrSplit(Text(cgroup_path.data(), cgroup_path.size()), '/', absl::SkipEmpty())) {
    ++depth;
    if (IsUnit(name)) take(home.unit, home.unit_depth, std::string(name));
    if (name.substr(0, 5) == "user@" && absl::EndsWith(name, ".service")) break;
    if (home.container.empty()) take(home.pod, home.pod_depth, PodIn(name));
    take(home.container, home.container_depth, ContainerIn(name));
  }
  return home;
}

Cgroups::Cgroups() {
  const auto mounts = ReadMounts();
  const auto mount_point = mounts.ok() ? Cgroup2Root(*mounts) : std::nullopt;
  if (!mount_point) return;
  mount_point_ = *mount_point;
  root_ = kit::OwnedFd(open(mount_point_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}

std::shared_ptr<const Home> Cgroups::Find(uint64_t id) {
  if (const auto found = known_.find(id); found != known_.end()) return found->second;
  const std::string path = PathOf(id);
  Home named = HomeOf(path);
  named.anchored = Anchored(path);
  auto home = std::make_shared<const Home>(std::move(named));
  if (path.empty()) return home;  // perhaps only out of sight now
  if (known_.size() >= kKnownMax) known_.clear();
  known_.emplace(id, home);
  return home;
}

std::string Cgroups::PathOf(uint64_t id) const {
  alignas(file_handle) char bytes[sizeof(file_handle) + sizeof id];
  auto* handle = reinterpret_cast<file_handle*>(bytes);
  handle->handle_bytes = sizeof id;
  handle->handle_type = kFileidKernfs;
  memcpy(handle->f_handle, &id, sizeof id);
  if (!root_) return "";
  const kit::OwnedFd cgroup(open_by_handle_at(root_.get(), handle, O_PATH | O_CLOEXEC));
  if (!cgroup) return "";
  const auto path = host::PathOf(cgroup.get());
  if (!path.ok() || path->compare(0, mount_point_.size(), mount_point_) != 0 || absl::EndsWith(*path, " (deleted)")) return "";
  const std::string below = path->substr(mount_point_.size());
  return below.empty() ? "/" : below;
}

size_t Cgroups::Anchored(std::string_view path) const {
  std::string at = ".";
  size_t depth = 0;
  for (const Text name : absl::StrSplit(Text(path.data(), path.size()), '/', absl::SkipEmpty())) {
    absl::StrAppend(&at, "/", name);
    struct stat made {};
    if (!root_ || fstatat(root_.get(), at.c_str(), &made, AT_SYMLINK_NOFOLLOW) != 0) return depth;
    if (made.st_uid != 0 || (made.st_mode & (S_IWGRP | S_IWOTH)) != 0) return depth;
    ++depth;
  }
  return depth;
}

}  // namespace belfry::host
