// How the host finds the plugin: the environment it gives, the socket it dials, the one line it reads.
//
// Source: spire-facts 4.1, hashicorp/go-plugin 1.8. Not thread-safe; used once, by the supervisor.
#ifndef BELFRY_PLUGIN_HANDSHAKE_H_
#define BELFRY_PLUGIN_HANDSHAKE_H_

#include <functional>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "kit/owned_fd.h"

namespace belfry::plugin {

// What the host says in the environment.
struct Host {
  bool started_us = false;   // the magic cookie is there: nobody started the program by hand
  std::string socket_dir;    // where to put the socket's private folder
  std::string socket_group;  // numeric gid that may connect too; empty: none
  bool wants_multiplex_answer = false;
};

// nullptr for what is not set.
using Environment = std::function<const char*(const char* name)>;

// FailedPrecondition: the host wants what we do not speak (another protocol version, TLS).
absl::StatusOr<Host> ReadHost(const Environment& environment);

// A listening socket of mode 0600 in a private folder of its own; both are removed by Remove(), which is
// async-signal-safe, and by nothing else: the supervisor and its worker share them.
struct Door {
  kit::OwnedFd listener;
  std::string folder;
  std::string path;

  void Remove() const;
};
absl::StatusOr<Door> OpenDoor(const Host& host);

// With its newline.
std::string HandshakeLine(const std::string& socket_path, bool multiplex_answer);

}  // namespace belfry::plugin

#endif  // BELFRY_PLUGIN_HANDSHAKE_H_
