#include "engine/socket_names.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <optional>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "host/bound_sockets.h"
#include "host/mounts.h"
#include "host/process_files.h"
#include "kit/escape.h"

namespace belfry::engine {
namespace {

// Adds the place of one name; what host/ says about the device holds unless the kernel knows better (overlay, btrfs).
std::string AddName(kernel::Kernel& kernel, const std::string& path, PathNames& into) {
  const auto place = host::PlaceOf(path);
  if (!place.ok()) return std::string(place.status().message());
  const kit::OwnedFd readable(openat(place->directory.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  const auto described = kernel.Describe(readable ? readable.get() : place->directory.get());
  into.names.push_back(
      {.dev = described.ok() ? described->id.dev : place->dev, .path = place->NameInside()});
  return "";
}

constexpr int kLinksMax = 40;  // as the kernel (MAXSYMLINKS)

// Each name that a link leads to, link by link. realpath(3) would read a magic link, /proc/PID/root, as text, while the
// names behind it are those of another root.
std::string AddTargets(kernel::Kernel& kernel, std::filesystem::path path, PathNames& into) {
  std::error_code error;
  for (int links = 0; links < kLinksMax && std::filesystem::is_symlink(std::filesystem::symlink_status(path, error)); ++links) {
    path = path.parent_path() / std::filesystem::read_symlink(path, error);
    if (error) break;
    if (std::string note = AddName(kernel, path.string(), into); !note.empty()) return note;
  }
  return "";
}

const char* KindOf(mode_t mode) {
  if (S_ISDIR(mode)) return "a directory";
  if (S_ISREG(mode)) return "a regular file";
  return "not a socket";
}

bool IsAbstract(const std::string& path) { return path.starts_with('@'); }

// Asked where nobody serves yet. A file that cannot be read tells nothing.
std::string WhyUnseen(const std::string& path, std::optional<absl::StatusOr<host::BoundSockets>>& read) {
  if (!read) read = host::ReadBoundSockets();
  if (!read->ok()) return "";
  const host::BoundSockets& bound = **read;
  std::string shown = path;
  std::replace(shown.begin(), shown.end(), '\0', '@');  // as there
  const auto at = bound.find(shown);
  if (at == bound.end() && IsAbstract(path))
    return absl::StrCat("waiting: nobody has bound ", kit::Escape(path), " yet; it is guarded when somebody does");
  if (at == bound.end()) return "";
  if (at->second == host::kStream) return "";
  return absl::StrCat(kit::Escape(path), " is a ", at->second, " socket: who uses it is not seen, only connects to stream sockets are");
}

// In no filesystem: the network namespace is ours, as that of ports is.
PathNames ResolveAbstract(const std::string& name) {
  const auto netns = host::OwnNetworkNamespace();
  if (!netns.ok()) return {.names = {}, .note = std::string(netns.status().message())};
  return {.names = {{.dev = *netns, .path = name}}, .note = ""};
}

}  // namespace

PathNames ResolvePath(kernel::Kernel& kernel, const std::string& path) {
  if (IsAbstract(path)) return ResolveAbstract(path);
  PathNames found;
  const std::string shown = kit::Escape(path);
  found.note = AddName(kernel, path, found);
  struct stat link {};
  if (lstat(path.c_str(), &link) != 0) {
    if (found.note.empty()) found.note = absl::StrCat("waiting: nothing is at ", shown, " yet; it is guarded when it comes");
    return found;
  }
  struct stat target = link;
  if (S_ISLNK(link.st_mode)) {
    if (stat(path.c_str(), &target) != 0) {
      found.note = absl::StrCat(shown, " is a dangling symbolic link; remove it or make its target");
      return found;
    }
    if (const std::string note = AddTargets(kernel, path, found); found.note.empty()) found.note = note;
  }
  if (found.note.empty() && !S_ISSOCK(target.st_mode))
    found.note = absl::StrCat(shown, " is ", KindOf(target.st_mode), "; a listening unix socket belongs there");
  return found;
}

std::vector<kernel::GuardedName> ResolveNames(kernel::Kernel& kernel, Guards& guards) {
  std::vector<kernel::GuardedName> all;
  std::optional<absl::StatusOr<host::BoundSockets>> bound;
  for (Guard& guard : guards.all()) {
    guard.notes.clear();
    for (size_t socket = 0; socket < guard.config.sockets.size(); ++socket) {
      if (guard.config.sockets[socket].endpoint) continue;  // no name
      PathNames found = ResolvePath(kernel, guard.config.sockets[socket].path);
      if (found.note.empty() && guard.listeners.empty()) found.note = WhyUnseen(guard.config.sockets[socket].path, bound);
      guard.notes.push_back(found.note);
      for (kernel::GuardedName& name : found.names) {
        name.guard = guard.number;
        name.socket = static_cast<uint32_t>(socket);
        all.push_back(name);
      }
    }
  }
  return all;
}

}  // namespace belfry::engine
