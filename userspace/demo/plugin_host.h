// Starts a SPIRE workload attestor plugin exactly as spire-agent does (go-plugin 1.8, spire-facts 4) and asks it.
// Attest is thread-safe; Start forks and so must come before any thread of the process; the destructor ends the plugin
// in SPIRE's order: Deinit, broker closed, Shutdown, two seconds, SIGKILL.
#ifndef BELFRY_DEMO_PLUGIN_HOST_H_
#define BELFRY_DEMO_PLUGIN_HOST_H_

#include <grpcpp/grpcpp.h>
#include <sys/types.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "goplugin/grpc_broker.grpc.pb.h"
#include "kit/owned_fd.h"

namespace belfry::demo {

struct PluginOrder {
  std::string program;  // absolute
  std::vector<std::string> arguments;
  std::string data;  // HCL text of plugin_data
  std::string trust_domain;
  std::string scratch;  // TMPDIR of the plugin: its socket is made there
};

struct PluginAnswer {
  grpc::StatusCode code = grpc::StatusCode::UNKNOWN;
  std::string message;
  std::vector<std::string> selectors;
};

class PluginHost {
 public:
  static absl::StatusOr<std::unique_ptr<PluginHost>> Start(const PluginOrder& order);
  ~PluginHost();
  PluginHost(const PluginHost&) = delete;
  PluginHost& operator=(const PluginHost&) = delete;

  PluginAnswer Attest(pid_t pid);

 private:
  PluginHost() = default;
  absl::Status Spawn(const PluginOrder& order);
  absl::Status Handshake();
  absl::Status Open(const PluginOrder& order);

  pid_t process_ = -1;
  kit::OwnedFd stdout_;
  std::shared_ptr<grpc::Channel> channel_;
  grpc::ClientContext broker_context_;
  std::unique_ptr<plugin::GRPCBroker::Stub> broker_stub_;
  std::unique_ptr<grpc::ClientReaderWriter<plugin::ConnInfo, plugin::ConnInfo>> broker_;
  std::string address_;
};

// The fifth field must be grpc, the third unix; returns the socket's path.
absl::StatusOr<std::string> ParseHandshake(const std::string& line);

}  // namespace belfry::demo

#endif  // BELFRY_DEMO_PLUGIN_HOST_H_
