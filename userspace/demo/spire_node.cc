#include "demo/spire_node.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>

#include "absl/strings/str_split.h"
#include "demo/command.h"
#include "demo/interrupt.h"
#include "kit/error.h"
#include "kit/owned_fd.h"

namespace belfry::demo {
namespace {

constexpr int kTries = 300;    // of a health check
constexpr int kTryMs = 100;    // between two
constexpr int kStopMs = 8000;  // spire-agent gives its plugins up to ten seconds; ours needs none

// A port that was free just now: the server takes it next.
absl::StatusOr<int> FreePort() {
  kit::OwnedFd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  if (!fd || bind(fd.get(), reinterpret_cast<sockaddr*>(&address), size) != 0 ||
      getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    return kit::ErrnoError("find a free port on loopback");
  }
  return ntohs(address.sin_port);
}

absl::Status WaitUntilHealthy(Child& child, const std::string& program, const std::string& socket) {
  absl::Status last;
  for (int attempt = 0; attempt < kTries && !Interrupted(); ++attempt) {
    if (child.Ended()) return kit::Error(absl::StatusCode::kUnavailable, "start " + program, "it ended");
    auto healthy = RunCommand({program, "healthcheck", "-socketPath", socket});
    if (healthy.ok()) return absl::OkStatus();
    last = healthy.status();
    poll(nullptr, 0, kTryMs);
  }
  return kit::Error(absl::StatusCode::kDeadlineExceeded, "wait for " + program, last.message());
}

absl::StatusOr<Child> StartLogged(const std::vector<std::string>& words, int log) {
  ChildOrder order;
  order.arguments = words;
  order.environment = {"PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", "LANG=C.UTF-8"};
  order.log = log;
  return Child::Start(order);
}

}  // namespace

absl::StatusOr<SpirePrograms> FindSpire() {
  const char* chosen = getenv("SPIRE_BIN");
  const char* path = getenv("PATH");
  const std::vector<std::string> folders =
      chosen != nullptr && *chosen != '\0' ? std::vector<std::string>{chosen} : absl::StrSplit(path ? path : "", ':');
  for (const std::string& folder : folders) {
    SpirePrograms found{folder + "/spire-server", folder + "/spire-agent"};
    if (access(found.server.c_str(), X_OK) == 0 && access(found.agent.c_str(), X_OK) == 0) return found;
  }
  return kit::Error(absl::StatusCode::kNotFound, "look for spire-server and spire-agent",
                    "not on PATH and not in $SPIRE_BIN",
                    "unpack a release of github.com/spiffe/spire and set SPIRE_BIN to its bin folder");
}

std::string ServerConfig(const SpireOrder& order, int port, const std::string& server_socket) {
  return "server {\n  bind_address = \"127.0.0.1\"\n  bind_port = \"" + std::to_string(port) +
         "\"\n  socket_path = \"" + server_socket + "\"\n  trust_domain = \"" + order.trust_domain +
         "\"\n  data_dir = \"" + order.folder + "/server\"\n  log_level = \"WARN\"\n}\nplugins {\n" +
         "  DataStore \"sql\" { plugin_data { database_type = \"sqlite3\" connection_string = \"" + order.folder +
         "/server/datastore.sqlite3\" } }\n  KeyManager \"memory\" { plugin_data {} }\n" +
         "  NodeAttestor \"join_token\" { plugin_data {} }\n}\n";
}

std::string AgentConfig(const SpireOrder& order, int port) {
  return "agent {\n  data_dir = \"" + order.folder + "/agent\"\n  log_level = \"INFO\"\n" +
         "  server_address = \"127.0.0.1\"\n  server_port = \"" + std::to_string(port) + "\"\n  socket_path = \"" +
         order.socket + "\"\n  trust_bundle_path = \"" + order.folder + "/bundle.pem\"\n  trust_domain = \"" +
         order.trust_domain + "\"\n}\nplugins {\n  NodeAttestor \"join_token\" { plugin_data {} }\n" +
         "  KeyManager \"memory\" { plugin_data {} }\n  WorkloadAttestor \"unix\" {\n" + order.attestor + "  }\n}\n";
}

absl::Status SpireNode::StartServer(const SpireOrder& order) {
  auto port = FreePort();
  if (!port.ok()) return port.status();
  port_ = *port;
  server_socket_ = order.folder + "/server.sock";
  for (const char* below : {"/server", "/agent"}) mkdir((order.folder + below).c_str(), 0700);
  std::ofstream(order.folder + "/server.conf") << ServerConfig(order, port_, server_socket_);
  auto server = StartLogged({order.programs.server, "run", "-config", order.folder + "/server.conf"}, order.log);
  if (!server.ok()) return server.status();
  server_ = *std::move(server);
  return WaitUntilHealthy(server_, order.programs.server, server_socket_);
}

absl::StatusOr<std::string> SpireNode::Register(const SpireOrder& order) {
  auto bundle = RunCommand({order.programs.server, "bundle", "show", "-socketPath", server_socket_});
  if (!bundle.ok()) return bundle.status();
  std::ofstream(order.folder + "/bundle.pem") << *bundle;
  auto said = RunCommand({order.programs.server, "token", "generate", "-socketPath", server_socket_});
  if (!said.ok()) return said.status();
  const size_t at = said->find("Token: ");
  if (at == std::string::npos) return kit::Error(absl::StatusCode::kInternal, "make a join token", "spire-server gave none");
  const std::string token = said->substr(at + 7, said->find_first_of("\r\n", at) - at - 7);
  const std::string parent = "spiffe://" + order.trust_domain + "/spire/agent/join_token/" + token;
  for (const Entry& entry : order.entries) {
    std::vector<std::string> words{order.programs.server, "entry",     "create",        "-socketPath", server_socket_,
                                   "-parentID",           parent,      "-spiffeID",     entry.spiffe_id};
    for (const std::string& selector : entry.selectors) words.insert(words.end(), {"-selector", selector});
    auto created = RunCommand(words);
    if (!created.ok()) return created.status();
  }
  return token;
}

absl::Status SpireNode::StartAgent(const SpireOrder& order, const std::string& token) {
  std::ofstream(order.folder + "/agent.conf") << AgentConfig(order, port_);
  auto agent = StartLogged({order.programs.agent, "run", "-config", order.folder + "/agent.conf", "-joinToken", token},
                           order.log);
  if (!agent.ok()) return agent.status();
  agent_ = *std::move(agent);
  return WaitUntilHealthy(agent_, order.programs.agent, order.socket);
}

absl::StatusOr<std::unique_ptr<SpireNode>> SpireNode::Start(const SpireOrder& order) {
  std::unique_ptr<SpireNode> node(new SpireNode);
  absl::Status started = node->StartServer(order);
  if (!started.ok()) return started;
  auto token = node->Register(order);
  if (!token.ok()) return token.status();
  started = node->StartAgent(order, *token);
  if (!started.ok()) return started;
  return node;
}

SpireNode::~SpireNode() {
  agent_.Stop(kStopMs);
  server_.Stop(kStopMs);
}

}  // namespace belfry::demo
