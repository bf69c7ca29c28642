#include "cli/audit_guards.h"

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <set>
#include <string_view>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "host/user_names.h"
#include "kit/error.h"
#include "kit/escape.h"

namespace belfry::cli {
namespace {

constexpr char kNaming[] = "naming a socket to watch";
constexpr size_t kNameBytes = 32;

absl::Status Refused(const std::string& path, absl::string_view cause, absl::string_view remedy) {
  return kit::Error(absl::StatusCode::kInvalidArgument, kNaming, absl::StrCat(kit::Escape(path), " ", cause), remedy);
}

// "/run/docker.sock" is called "docker".
std::string StemOf(const std::string& path) { return std::filesystem::path(path.substr(path.starts_with('@') ? 1 : 0)).stem().string(); }

std::string FreeName(std::string name, std::set<std::string>& taken) {
  name = name.substr(0, kNameBytes);
  for (char& c : name)
    if (std::isalnum(static_cast<unsigned char>(c)) == 0 && std::string_view("._-").find(c) == std::string_view::npos) c = '_';
  if (name.empty()) name = "socket";
  std::string free = name;
  for (int number = 2; !taken.insert(free).second; ++number) free = absl::StrCat(name, "-", number);
  return free;
}

absl::StatusOr<std::string> AbsolutePath(const std::string& path) {
  if (path.empty()) return Refused(path, "is empty", "name the path of a listening unix socket");
  if (path.front() == '@') {
    if (path.size() > 1 && path.size() - 1 <= engine::kSunPathLimit) return path;
    return Refused(path, absl::StrCat("is an abstract name of ", path.size() - 1, " bytes; it has 1 to ", engine::kSunPathLimit), "name it as ss -lx shows it");
  }
  std::error_code error;
  const std::string absolute = std::filesystem::absolute(path, error).lexically_normal().string();
  if (error) return Refused(path, absl::StrCat("cannot be made absolute: ", error.message()), "name an absolute path");
  if (absolute.size() > engine::kSunPathLimit)
    return Refused(path, absl::StrCat("has ", absolute.size(), " bytes; a socket's path has at most ", engine::kSunPathLimit),
                   "name it through a shorter path (a symbolic link to its directory)");
  if (absolute.back() == '/') return Refused(path, "names a directory", "name the socket in it");
  return absolute;
}

}  // namespace

absl::StatusOr<engine::Config> AuditGuards(const AuditOptions& options) {
  engine::Config config;
  if (!options.policy.empty()) {
    auto read = engine::LoadConfig(options.policy, host::ReadAccounts());
    if (!read.ok()) return read.status();
    config = *std::move(read);
  }
  std::set<std::string> names, paths;
  for (engine::GuardConfig& guard : config.guards) {
    guard.policy.mode = verdict::Mode::kObserve;
    guard.require = 0;  // what only enforcement needs
    guard.preexisting = engine::Preexisting::kAdopt;
    names.insert(guard.policy.name);
  }
  for (const std::string& socket : options.sockets) {
    auto path = AbsolutePath(socket);
    if (!path.ok()) return path.status();
    if (!paths.insert(*path).second) continue;
    engine::GuardConfig guard;
    guard.policy.name = FreeName(StemOf(*path), names);
    guard.sockets = {{.role = "unix", .path = *path}};
    config.guards.push_back(std::move(guard));
  }
  for (const std::string& text : options.ports) {
    const auto port = kit::ParseEndpoint(text);
    if (!port) return Refused(text, "is no TCP port", "name one as 8081, 127.0.0.1:8081 or [::1]:8081");
    const std::string shown = kit::EndpointText(*port);
    if (!paths.insert(shown).second) continue;
    engine::GuardConfig guard;
    guard.policy.name = FreeName("tcp-" + shown, names);
    guard.sockets = {{.role = "tcp", .path = shown, .endpoint = port}};
    config.guards.push_back(std::move(guard));
  }
  config.pin = false;
  return config;
}

}  // namespace belfry::cli
