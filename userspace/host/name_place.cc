#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "host/mounts.h"
#include "host/process_files.h"
#include "kit/error.h"
#include "kit/escape.h"
#include "kit/read_file.h"

namespace belfry::host {
namespace {

constexpr int kLinksMax = 40;  // as the kernel (MAXSYMLINKS)
constexpr size_t kFdinfoBytes = 16384;

std::string Doing(const std::string& path) { return absl::StrCat("finding the directory of ", kit::Escape(path)); }

// "/a//b/" -> "/a", "b". The root has no last component.
std::pair<std::string, std::string> SplitLast(absl::string_view path) {
  while (path.size() > 1 && path.back() == '/') path.remove_suffix(1);
  const size_t slash = path.rfind('/');
  absl::string_view parent = path.substr(0, slash);
  while (!parent.empty() && parent.back() == '/') parent.remove_suffix(1);
  return {parent.empty() ? "/" : std::string(parent), std::string(path.substr(slash + 1))};
}

absl::StatusOr<std::string> ReadLink(const std::string& path) {
  std::string target(PATH_MAX, '\0');
  const ssize_t length = readlink(path.c_str(), target.data(), target.size());
  if (length < 0) return kit::ErrnoError(Doing(path));
  target.resize(length);
  return target;
}

struct Deepest {
  kit::OwnedFd directory;
  std::vector<std::string> missing;  // outermost first
};

// The kernel resolves what exists. What does not is taken off at the end, and a link that leads nowhere yet is followed
// by hand, since whoever makes its target decides where the socket will be.
absl::StatusOr<Deepest> OpenDeepest(const std::string& path, std::string way) {
  Deepest out;
  for (int links = 0;;) {
    out.directory = kit::OwnedFd(open(way.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (out.directory) break;
    if (errno == ENOTDIR) return kit::Error(absl::StatusCode::kFailedPrecondition, Doing(path), "not a directory");
    if (errno == ELOOP) return kit::ErrnoError(Doing(path));
    if (errno != ENOENT || way == "/") return kit::ErrnoError(Doing(path));
    const auto [parent, name] = SplitLast(way);
    struct stat at {};
    if (lstat(way.c_str(), &at) == 0 && S_ISLNK(at.st_mode)) {
      if (++links > kLinksMax) {
        return kit::Error(absl::StatusCode::kFailedPrecondition, Doing(path), "too many symbolic links");
      }
      auto target = ReadLink(way);
      if (!target.ok()) return target.status();
      way = absl::StartsWith(*target, "/") ? *target : absl::StrCat(parent, "/", *target);
      continue;
    }
    if (name == "..") {
      return kit::Error(absl::StatusCode::kInvalidArgument, Doing(path), "\"..\" below a directory that does not exist",
                        "name the directory itself");
    }
    if (name != ".") out.missing.insert(out.missing.begin(), name);
    way = parent;
  }
  return out;
}

absl::StatusOr<int> MountIdOf(int fd) {
  auto text = kit::ReadFile(absl::StrCat("/proc/self/fdinfo/", fd), kFdinfoBytes);
  if (!text.ok()) return text.status();
  for (absl::string_view line : absl::StrSplit(*text, '\n')) {
    int id;
    if (absl::ConsumePrefix(&line, "mnt_id:") && absl::SimpleAtoi(line, &id)) return id;
  }
  return kit::Error(absl::StatusCode::kNotFound, "reading the mount of an open file", "fdinfo has no mnt_id");
}

// Fills in where `place.directory` is within its filesystem.
absl::Status FindInside(const std::string& path, NamePlace& place) {
  auto id = MountIdOf(place.directory.get());
  if (!id.ok()) return id.status();
  auto seen = PathOf(place.directory.get());
  if (!seen.ok()) return seen.status();
  auto mounts = ReadMounts();
  if (!mounts.ok()) return mounts.status();
  const auto mount = std::find_if(mounts->begin(), mounts->end(), [&](const Mount& m) { return m.id == *id; });
  if (mount == mounts->end()) {
    return kit::Error(absl::StatusCode::kNotFound, Doing(path), "its mount is not one of ours",
                      "name the socket by a path of this mount namespace, as the container's volume has");
  }
  struct stat at {};
  if (fstat(place.directory.get(), &at) != 0) return kit::ErrnoError(Doing(path));
  // A removed directory can have no new name in it, and the kernel's " (deleted)" would end up in the path.
  if (at.st_nlink == 0) return kit::Error(absl::StatusCode::kNotFound, Doing(path), "it was just removed", "try again");
  absl::string_view below = *seen;
  if (mount->mount_point != "/" && !absl::ConsumePrefix(&below, mount->mount_point)) {
    return kit::Error(absl::StatusCode::kNotFound, Doing(path), "its mount was just moved", "try again");
  }
  if (below == "/") below = "";
  const absl::string_view above = mount->root == "/" ? absl::string_view() : mount->root;
  place.inside = above.empty() && below.empty() ? mount->root : absl::StrCat(above, below);
  place.dev = mount->dev;
  return absl::OkStatus();
}

}  // namespace

std::string NamePlace::NameInside() const { return absl::StrCat(inside == "/" ? "" : inside, missing, "/", leaf); }

absl::StatusOr<NamePlace> PlaceOf(const std::string& path) {
  if (!absl::StartsWith(path, "/")) {
    return kit::Error(absl::StatusCode::kInvalidArgument, Doing(path), "the path is not absolute");
  }
  auto [parent, leaf] = SplitLast(path);
  if (leaf.empty() || leaf == "." || leaf == "..") {
    return kit::Error(absl::StatusCode::kInvalidArgument, Doing(path), "it names a directory, not a socket in one");
  }
  auto deepest = OpenDeepest(path, std::move(parent));
  if (!deepest.ok()) return deepest.status();
  NamePlace place;
  place.directory = std::move(deepest->directory);
  place.leaf = std::move(leaf);
  for (const std::string& name : deepest->missing) absl::StrAppend(&place.missing, "/", name);
  if (const absl::Status status = FindInside(path, place); !status.ok()) return status;
  return place;
}

}  // namespace belfry::host
