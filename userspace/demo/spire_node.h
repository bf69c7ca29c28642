// A real spire-server and one spire-agent on loopback, with all their data in one folder, gone with the object.
// Attested by join token; entries are made with spire-server's own command line before the agent starts, so that it
// knows them from its first sync on. Not thread-safe.
#ifndef BELFRY_DEMO_SPIRE_NODE_H_
#define BELFRY_DEMO_SPIRE_NODE_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "demo/child.h"
#include "demo/entries.h"

namespace belfry::demo {

struct SpirePrograms {
  std::string server, agent;
};
// In $SPIRE_BIN (a folder), else on PATH.
absl::StatusOr<SpirePrograms> FindSpire();

struct SpireOrder {
  SpirePrograms programs;
  std::string folder;          // exists; everything is made below it
  std::string socket;          // the Workload API's
  std::string trust_domain;
  std::vector<Entry> entries;
  std::string attestor;        // the body of WorkloadAttestor "unix" { ... }
  int log = -1;
};

class SpireNode {
 public:
  // Returns once the agent serves its Workload API.
  static absl::StatusOr<std::unique_ptr<SpireNode>> Start(const SpireOrder& order);
  ~SpireNode();  // agent first, as an operator would

 private:
  SpireNode() = default;
  absl::Status StartServer(const SpireOrder& order);
  absl::StatusOr<std::string> Register(const SpireOrder& order);  // the join token
  absl::Status StartAgent(const SpireOrder& order, const std::string& token);

  std::string server_socket_;
  int port_ = 0;
  Child server_, agent_;
};

// Configuration texts, as an operator would write them.
std::string ServerConfig(const SpireOrder& order, int port, const std::string& server_socket);
std::string AgentConfig(const SpireOrder& order, int port);

}  // namespace belfry::demo

#endif  // BELFRY_DEMO_SPIRE_NODE_H_
