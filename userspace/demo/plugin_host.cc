#include "demo/plugin_host.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>

#include "absl/strings/str_split.h"
#include "goplugin/grpc_controller.grpc.pb.h"
#include "kit/error.h"
#include "spire/config.grpc.pb.h"
#include "spire/init.grpc.pb.h"
#include "spire/workloadattestor.grpc.pb.h"

namespace belfry::demo {
namespace {

namespace init = spire::service::private_::init::v1;
namespace config = spire::service::common::config::v1;
namespace attestor = spire::plugin::agent::workloadattestor::v1;

constexpr int kHandshakeMs = 60000;  // as go-plugin has it
constexpr int kGraceMs = 2000;       // between Shutdown and SIGKILL
constexpr char kAttestorService[] = "spire.plugin.agent.workloadattestor.v1.WorkloadAttestor";

void Within(grpc::ClientContext& context, int seconds) {
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(seconds));
}

absl::Status Lifted(const std::string& doing, const grpc::Status& status) {
  if (status.ok()) return absl::OkStatus();
  return kit::Error(static_cast<absl::StatusCode>(status.error_code()), doing, status.error_message());
}

absl::StatusOr<std::string> ReadLine(int fd) {
  std::string line;
  char byte = 0;
  pollfd wanted{fd, POLLIN, 0};
  while (poll(&wanted, 1, kHandshakeMs) == 1 && read(fd, &byte, 1) == 1) {
    if (byte == '\n') return line;
    line.push_back(byte);
  }
  return kit::Error(absl::StatusCode::kUnavailable, "wait for the plugin's handshake", "it said nothing",
                    "look at the agent's log");
}

}  // namespace

absl::StatusOr<std::string> ParseHandshake(const std::string& line) {
  std::vector<std::string> fields = absl::StrSplit(line, '|');
  if (fields.size() < 5 || fields[0] != "1" || fields[1] != "1" || fields[2] != "unix" || fields[4] != "grpc") {
    return kit::Error(absl::StatusCode::kInvalidArgument, "read the plugin's handshake", "not 1|1|unix|PATH|grpc|");
  }
  return fields[3];
}

absl::Status PluginHost::Spawn(const PluginOrder& order) {
  int out[2];
  if (pipe2(out, O_CLOEXEC) != 0) return kit::ErrnoError("open the plugin's stdout");
  stdout_ = kit::OwnedFd(out[0]);
  const pid_t parent = getpid();
  process_ = fork();
  if (process_ < 0) return kit::ErrnoError("fork the plugin");
  if (process_ == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(1);
    dup2(out[1], STDOUT_FILENO);
    umask(027);
    setenv("WorkloadAttestor", "WorkloadAttestor", 1);
    setenv("PLUGIN_MIN_PORT", "10000", 1);
    setenv("PLUGIN_MAX_PORT", "25000", 1);
    setenv("PLUGIN_PROTOCOL_VERSIONS", "1", 1);
    setenv("TMPDIR", order.scratch.c_str(), 1);
    std::vector<char*> arguments{const_cast<char*>(order.program.c_str())};
    for (const std::string& one : order.arguments) arguments.push_back(const_cast<char*>(one.c_str()));
    arguments.push_back(nullptr);
    execv(arguments[0], arguments.data());
    _exit(127);
  }
  close(out[1]);
  return absl::OkStatus();
}

absl::Status PluginHost::Handshake() {
  auto line = ReadLine(stdout_.get());
  if (!line.ok()) return line.status();
  auto address = ParseHandshake(*line);
  if (!address.ok()) return address.status();
  address_ = *address;
  return absl::OkStatus();
}

absl::Status PluginHost::Open(const PluginOrder& order) {
  grpc::ChannelArguments arguments;
  arguments.SetString(GRPC_ARG_DEFAULT_AUTHORITY, "unused");
  channel_ = grpc::CreateCustomChannel("unix:" + address_, grpc::InsecureChannelCredentials(), arguments);
  broker_stub_ = plugin::GRPCBroker::NewStub(channel_);
  broker_ = broker_stub_->StartStream(&broker_context_);
  plugin::ConnInfo host_services;
  host_services.set_service_id(1);
  host_services.set_network("unix");
  host_services.set_address(order.scratch + "/host-services.sock");
  broker_->Write(host_services);

  grpc::ClientContext init_context;
  Within(init_context, 60);
  init::InitResponse initialised;
  grpc::Status status = init::Init::NewStub(channel_)->Init(&init_context, init::InitRequest(), &initialised);
  if (!status.ok()) return Lifted("Init of the plugin", status);
  const auto& names = initialised.plugin_service_names();
  if (std::find(names.begin(), names.end(), kAttestorService) == names.end()) {
    return kit::Error(absl::StatusCode::kFailedPrecondition, "Init of the plugin", "it is no workload attestor");
  }
  grpc::ClientContext configure_context;
  Within(configure_context, 60);
  config::ConfigureRequest request;
  request.mutable_core_configuration()->set_trust_domain(order.trust_domain);
  request.set_hcl_configuration(order.data);
  config::ConfigureResponse configured;
  return Lifted("Configure the plugin",
                config::Config::NewStub(channel_)->Configure(&configure_context, request, &configured));
}

absl::StatusOr<std::unique_ptr<PluginHost>> PluginHost::Start(const PluginOrder& order) {
  std::unique_ptr<PluginHost> host(new PluginHost);
  absl::Status status = host->Spawn(order);
  if (status.ok()) status = host->Handshake();
  if (status.ok()) status = host->Open(order);
  if (!status.ok()) return status;
  return host;
}

PluginAnswer PluginHost::Attest(pid_t pid) {
  grpc::ClientContext context;  // no deadline, as in SPIRE: the plugin has its own
  attestor::AttestRequest request;
  request.set_pid(pid);
  attestor::AttestResponse response;
  grpc::Status status = attestor::WorkloadAttestor::NewStub(channel_)->Attest(&context, request, &response);
  return {status.error_code(), status.error_message(),
          {response.selector_values().begin(), response.selector_values().end()}};
}

PluginHost::~PluginHost() {
  if (channel_) {
    grpc::ClientContext deinit_context, shutdown_context;
    Within(deinit_context, 10);
    init::DeinitResponse deinitialised;
    init::Init::NewStub(channel_)->Deinit(&deinit_context, init::DeinitRequest(), &deinitialised);
    broker_context_.TryCancel();
    broker_.reset();
    Within(shutdown_context, 2);
    plugin::Empty nothing;
    plugin::GRPCController::NewStub(channel_)->Shutdown(&shutdown_context, plugin::Empty(), &nothing);
  }
  if (process_ <= 0) return;
  pollfd end{stdout_.get(), 0, 0};  // hung up once the plugin and its children are gone
  if (poll(&end, 1, kGraceMs) <= 0) kill(process_, SIGKILL);
  waitpid(process_, nullptr, 0);
}

}  // namespace belfry::demo
