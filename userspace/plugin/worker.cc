#include "plugin/worker.h"

#include <grpcpp/grpcpp.h>
#include <grpcpp/health_check_service_interface.h>
#include <grpcpp/server_posix.h>
#include <malloc.h>
#include <unistd.h>

#include <chrono>
#include <initializer_list>
#include <memory>
#include <utility>

#include "host/user_names.h"
#include "plugin/admission.h"
#include "plugin/attestor.h"
#include "plugin/config_service.h"
#include "plugin/host_protocol.h"

namespace belfry::plugin {
namespace {

// More calls wait in the host's own gRPC: 10,000 at once cost this process no more memory than these.
constexpr int kConcurrentCalls = 1024;
// Configuration text is the largest message (kConfigurationLimit); the rest is small.
constexpr int kMessageLimit = 256 << 10;
// glibc gives every thread an arena of its own otherwise, and keeps what each once needed.
constexpr int kArenas = 2;
// How long answers under way may take once the host wants the end; it kills after 2 s.
constexpr auto kFarewell = std::chrono::milliseconds(250);

}  // namespace

int RunWorker(const Door& door, const Arguments& arguments, pid_t host, Keepsake& keepsake, Hclog& log) {
  mallopt(M_ARENA_MAX, kArenas);
  SendGrpcLogTo(&log);
  host::UserNames names;
  Settings settings(arguments, keepsake, log);
  Admission admission(door.listener.get(), host, getppid(), log);

  Broker broker;
  Stdio stdio;
  Controller controller([&admission] { admission.Stop(); });
  InitService init;
  ConfigService config(settings);
  Attestor attestor(
      settings,
      {[&names](uint32_t uid) { return names.User(uid); }, [&names](uint32_t gid) { return names.Group(gid); }}, host,
      log);

  grpc::EnableDefaultHealthCheckService(true);
  grpc::ServerBuilder builder;
  builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, kConcurrentCalls);
  builder.SetMaxReceiveMessageSize(kMessageLimit);
  for (grpc::Service* service :
       std::initializer_list<grpc::Service*>{&broker, &stdio, &controller, &init, &config, &attestor}) {
    builder.RegisterService(service);
  }
  const std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  if (server == nullptr) {
    log.Write(LogLevel::kError, "starting the plugin's services: gRPC refused; see the lines before");
    return 1;
  }
  server->GetHealthCheckService()->SetServingStatus("plugin", true);
  admission.Run(
      [&server](kit::OwnedFd connection) { grpc::AddInsecureChannelFromFd(server.get(), connection.Release()); });

  server->Shutdown(std::chrono::system_clock::now() + kFarewell);
  door.Remove();
  _exit(0);
}

}  // namespace belfry::plugin
