#include "plugin/handshake.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "kit/error.h"
#include "plugin/stale_doors.h"

namespace belfry::plugin {
namespace {

constexpr const char* kCookie = "WorkloadAttestor";  // SPIRE: key and value are the plugin's type
constexpr const char* kProtocol = "1";
// The agent takes clients by the thousand, but it is one host with a few connections.
constexpr int kBacklog = 64;

std::string ValueOf(const Environment& environment, const char* name) {
  const char* value = environment(name);
  return value == nullptr ? "" : value;
}

absl::Status AdmitGroup(const std::string& group, const Door& door) {
  uint32_t gid = 0;
  if (!absl::SimpleAtoi(group, &gid)) {
    return kit::Error(absl::StatusCode::kInvalidArgument, absl::StrCat("reading PLUGIN_UNIX_SOCKET_GROUP=", group),
                      "not a number", "give the group's number");
  }
  if (chown(door.folder.c_str(), -1, gid) != 0 || chmod(door.folder.c_str(), 0710) != 0 ||
      chown(door.path.c_str(), -1, gid) != 0 || chmod(door.path.c_str(), 0660) != 0) {
    return kit::ErrnoError("giving the plugin's socket to PLUGIN_UNIX_SOCKET_GROUP");
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Host> ReadHost(const Environment& environment) {
  Host host;
  host.started_us = ValueOf(environment, kCookie) == kCookie;
  if (!host.started_us) return host;
  if (!ValueOf(environment, "PLUGIN_CLIENT_CERT").empty()) {
    return kit::Error(absl::StatusCode::kFailedPrecondition, "reading the host's PLUGIN_CLIENT_CERT",
                      "it wants TLS on the plugin's socket", "start the plugin without AutoMTLS, as SPIRE does");
  }
  const std::string versions = ValueOf(environment, "PLUGIN_PROTOCOL_VERSIONS");
  const std::vector<std::string> offered = absl::StrSplit(versions, ',', absl::SkipWhitespace());
  bool known = offered.empty();
  for (const std::string& version : offered) known = known || version == kProtocol;
  if (!known) {
    return kit::Error(absl::StatusCode::kFailedPrecondition,
                      absl::StrCat("reading PLUGIN_PROTOCOL_VERSIONS=", versions), "protocol 1 is not among them",
                      "use a SPIRE that speaks plugin protocol 1");
  }
  for (const char* name : {"PLUGIN_UNIX_SOCKET_DIR", "TMPDIR"}) {
    if (host.socket_dir.empty()) host.socket_dir = ValueOf(environment, name);
  }
  if (host.socket_dir.empty()) host.socket_dir = "/tmp";
  host.socket_group = ValueOf(environment, "PLUGIN_UNIX_SOCKET_GROUP");
  host.wants_multiplex_answer = environment("PLUGIN_MULTIPLEX_GRPC") != nullptr;
  return host;
}

void Door::Remove() const {
  unlink(path.c_str());
  rmdir(folder.c_str());
}

absl::StatusOr<Door> OpenDoor(const Host& host) {
  const std::string doing = absl::StrCat("making the plugin's socket in ", host.socket_dir);
  Door door;
  door.folder = host.socket_dir + "/" + kDoorPrefix + "XXXXXX";
  sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
  door.path = door.folder + "/s";
  if (door.path.size() >= sizeof address.sun_path) {
    return kit::Error(absl::StatusCode::kInvalidArgument, doing, "the path of the folder is too long",
                      "set TMPDIR to a shorter one");
  }
  if (mkdtemp(door.folder.data()) == nullptr) {
    return kit::ErrnoError(doing, "give the agent a writable /tmp, or set TMPDIR");
  }
  door.path = door.folder + "/s";
  memcpy(address.sun_path, door.path.c_str(), door.path.size());
  door.listener = kit::OwnedFd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  absl::Status status;
  if (!door.listener || bind(door.listener.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 ||
      chmod(door.path.c_str(), 0600) != 0 || listen(door.listener.get(), kBacklog) != 0) {
    status = kit::ErrnoError(doing);
  } else if (!host.socket_group.empty()) {
    status = AdmitGroup(host.socket_group, door);
  }
  if (!status.ok()) {
    door.Remove();
    return status;
  }
  return door;
}

std::string HandshakeLine(const std::string& socket_path, bool multiplex_answer) {
  // core protocol | plugin protocol | network | address | what is spoken | server certificate: none [| multiplexing]
  return absl::StrCat("1|", kProtocol, "|unix|", socket_path, "|grpc|", multiplex_answer ? "|false" : "", "\n");
}

}  // namespace belfry::plugin
