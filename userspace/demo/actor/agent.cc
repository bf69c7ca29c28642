// The demo's SPIRE agent.
#include <grpcpp/grpcpp.h>
#include <unistd.h>

#include <chrono>

#include "belfry/v1/admin.grpc.pb.h"
#include "demo/actor/roles.h"
#include "demo/front_door.h"
#include "demo/plugin_host.h"
#include "demo/stock.h"
#include "demo/voice.h"
#include "demo/workload_api.h"

namespace belfry::demo {
namespace {

// As SPIRE's built-in: what /proc says is the answer.
PluginAnswer AttestByProc(pid_t pid) {
  const StockView view = ReadStockView(pid);
  if (!view.why_not.empty()) return {grpc::StatusCode::INTERNAL, view.why_not, {}};
  return {grpc::StatusCode::OK, "", view.selectors};
}

// What belfryd tells a person about this number, for the table's middle column.
Json BelfrySays(v1::Admin::Stub& admin, pid_t pid) {
  Json said = Json::object();
  grpc::ClientContext attest_context, explain_context;
  const auto until = std::chrono::system_clock::now() + std::chrono::seconds(5);
  attest_context.set_deadline(until);
  explain_context.set_deadline(until);
  v1::AdminAttestRequest request;
  request.set_pid(pid);
  v1::AttestAnswer answer;
  if (admin.Attest(&attest_context, request, &answer).ok()) {
    said["verdict"] = answer.verdict();
    said["reasons"] = std::vector<std::string>(answer.reasons().begin(), answer.reasons().end());
    said["absent"] = answer.absent();
  }
  v1::ExplainRequest question;
  question.set_pid(pid);
  v1::ExplainReply reply;
  if (admin.Explain(&explain_context, question, &reply).ok()) {
    said["image_taints"] =
        std::vector<std::string>(reply.process().taints().begin(), reply.process().taints().end());
  }
  return said;
}

ApiParts Parts(const Json& order, PluginHost* plugin, v1::Admin::Stub* admin, Voice& voice) {
  ApiParts parts;
  parts.trust_domain = order.at("trust_domain");
  parts.entries = EntriesFrom(order.at("entries"));
  parts.attest = AttestByProc;
  if (plugin) parts.attest = [plugin](pid_t pid) { return plugin->Attest(pid); };
  if (admin) parts.belfry_says = [admin](pid_t pid) { return BelfrySays(*admin, pid); };
  parts.witness = [&voice](const Json& event) { voice.Say(event); };
  return parts;
}

// The director's words to the agent: hold, let-go, settle.
void Obey(int control, FrontDoor& door, WorkloadApi& api, Voice& voice) {
  while (true) {
    absl::StatusOr<Packet> packet = ReceivePacket(control, -1);
    if (!packet.ok()) return;
    const std::string verb = packet->body.is_array() && !packet->body.empty() ? packet->body[0].get<std::string>() : "";
    if (verb == "hold") door.Hold(true);
    if (verb == "let-go") door.Hold(false);
    if (verb == "settle") api.Settle();
    voice.Say({{"ok", true}, {"value", verb}});
  }
}

absl::StatusOr<std::unique_ptr<PluginHost>> StartPlugin(const Json& order) {
  if (!order.contains("plugin")) return nullptr;
  return PluginHost::Start({order["plugin"], order.value("arguments", std::vector<std::string>()),
                            order.value("data", ""), order["trust_domain"], order["scratch"]});
}

int Fail(Voice& voice, const absl::Status& status) {
  voice.Say({{"ok", false}, {"error", std::string(status.message())}});
  return 1;
}

}  // namespace

int PlayAgent(int control, const std::string& text) {
  const Json order = Json::parse(text, nullptr, false);
  auto plugin = StartPlugin(order);  // forks, and so comes before any thread
  Voice voice(control);
  if (!plugin.ok()) return Fail(voice, plugin.status());
  std::unique_ptr<v1::Admin::Stub> admin;
  if (order.contains("admin")) {
    admin = v1::Admin::NewStub(grpc::CreateChannel("unix:" + order["admin"].get<std::string>(),
                                                   grpc::InsecureChannelCredentials()));
  }
  auto authority = Authority::Create(order["trust_domain"]);
  if (!authority.ok()) return Fail(voice, authority.status());
  WorkloadApi api(*std::move(authority), Parts(order, plugin->get(), admin.get(), voice));
  grpc::ServerBuilder builder;
  builder.RegisterService(&api);
  std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  auto door = FrontDoor::Open(order["socket"], server.get(), &api, [&voice](const Json& event) { voice.Say(event); });
  if (!door.ok()) return Fail(voice, door.status());
  voice.Say({{"ok", true}, {"value", getpid()}});
  Obey(control, **door, api, voice);
  door->reset();
  api.Stop();
  server->Shutdown(std::chrono::system_clock::now() + std::chrono::seconds(1));
  return 0;
}

}  // namespace belfry::demo
