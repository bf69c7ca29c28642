#include "demo/stage.h"

#include <fcntl.h>
#include <grpcpp/grpcpp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <chrono>
#include <cstring>
#include <fstream>
#include <iterator>

#include "belfry/v1/admin.grpc.pb.h"
#include "demo/interrupt.h"
#include "demo/peer_watch.h"
#include "demo/result.h"
#include "demo/stock.h"
#include "kit/error.h"
#include "kit/escape.h"

namespace belfry::demo {
namespace {

constexpr int kStartMs = 60000;  // the plugin alone may take that long, as go-plugin has it
constexpr int kStopMs = 5000;

const std::vector<std::string>& Environment() {
  static const std::vector<std::string> environment{"PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", "LANG=C.UTF-8"};
  return environment;
}

absl::StatusOr<kit::OwnedFd> BindNotify(const std::string& path) {
  sockaddr_un address{.sun_family = AF_UNIX};
  memcpy(address.sun_path, path.c_str(), std::min(path.size(), sizeof address.sun_path - 1));
  kit::OwnedFd fd(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!fd || bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    return kit::ErrnoError("listen for the daemon's readiness");
  }
  return fd;
}

Json AgentOrder(const Props& props, const std::string& guard, const std::vector<Entry>& entries) {
  return {{"socket", props.At(guard + ".sock")},
          {"scratch", props.At("agent")},
          {"trust_domain", kTrustDomain},
          {"entries", EntriesJson(entries)}};
}

void AddPlugin(const Props& props, const std::string& plugin, const std::string& guard, Json& order) {
  order["plugin"] = plugin;
  order["arguments"] = std::vector<std::string>{"--guard=" + guard};
  order["data"] = "discover_workload_path = true\nattest_socket = \"" + props.At("run/attest.sock") + "\"\n";
  order["admin"] = props.At("run/admin.sock");
}

}  // namespace

std::string DaemonConfig(const std::string& folder, const std::string& agent_program) {
  std::string text = "version: 1\nrun_dir: " + folder + "/run\npin: false\nhost: self\nguards:\n";
  for (const std::string guard : {kGuard, kStrictGuard}) {
    text += "  - name: " + guard + "\n    unix: " + folder + "/" + guard + ".sock\n    listener: { exe: " +
            agent_program + ", uid: 0 }\n    mode: deny\n";
    if (guard == kStrictGuard) text += "    withhold_on: [untrusted_code]\n";
  }
  return text;
}

Agent::~Agent() {
  control_.Reset();
  child_.AwaitEnd(kStopMs);
}

absl::StatusOr<Json> Agent::Next() {
  absl::StatusOr<Packet> packet = ReceivePacket(control_.get(), kStartMs);
  if (!packet.ok()) return packet.status();
  if (packet->body.contains("event")) events_.push_back(packet->body);
  return packet->body;
}

absl::Status Agent::WaitUntilReady() {
  while (true) {
    absl::StatusOr<Json> said = Next();
    if (!said.ok()) return said.status();
    if (!said->contains("ok")) continue;
    if ((*said)["ok"].get<bool>()) return absl::OkStatus();
    return kit::Error(absl::StatusCode::kUnavailable, "start the demo's agent", said->value("error", "no reason"));
  }
}

absl::Status Agent::Tell(const std::string& verb) {
  absl::Status sent = SendPacket(control_.get(), Json::array({verb}));
  return sent.ok() ? WaitUntilReady() : sent;
}

absl::Status Agent::WaitFor(const std::string& event, size_t count) {
  const auto seen = [&] {
    size_t found = 0;
    for (const Json& one : events_) found += one.value("event", "") == event;
    return found;
  };
  while (seen() < count) {
    absl::StatusOr<Json> said = Next();
    if (!said.ok()) return said.status();
  }
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<Stage>> Stage::Set(const Programs& programs, bool with_belfry) {
  std::unique_ptr<Stage> stage(new Stage);
  stage->programs_ = programs;
  stage->with_belfry_ = with_belfry;
  auto props = Props::Lay(programs);
  if (!props.ok()) return props.status();
  stage->props_ = std::make_unique<Props>(*std::move(props));
  auto entries = stage->props_->Entries();
  if (!entries.ok()) return entries.status();
  stage->entries_ = *std::move(entries);
  stage->log_ = kit::OwnedFd(open(stage->props_->At("log").c_str(), O_CREAT | O_RDWR | O_APPEND | O_CLOEXEC, 0600));
  absl::Status started = with_belfry ? stage->StartDaemon() : absl::OkStatus();
  if (started.ok() && with_belfry) started = stage->AskBackend();
  for (const char* guard : {kGuard, kStrictGuard}) {
    if (started.ok()) started = stage->StartAgent(guard);
  }
  if (started.ok() && with_belfry) started = stage->OpenChronicle();
  if (!started.ok()) {
    return absl::Status(started.code(), std::string(started.message()) + "\n" + stage->LogTail());
  }
  return stage;
}

Stage::~Stage() {
  agents_.clear();
  chronicle_.reset();
  daemon_.Stop(kStopMs);
}

absl::Status Stage::StartDaemon() {
  const std::string config = props_->At("belfryd.yaml");
  std::ofstream(config) << DaemonConfig(props_->folder(), programs_.actor);
  auto notify = BindNotify(props_->At("notify.sock"));
  if (!notify.ok()) return notify.status();
  ChildOrder order;
  order.arguments = {programs_.belfryd, "--config", config};
  order.environment = Environment();
  order.environment.push_back("NOTIFY_SOCKET=" + props_->At("notify.sock"));
  order.log = log_.get();
  auto daemon = Child::Start(order);
  if (!daemon.ok()) return daemon.status();
  daemon_ = *std::move(daemon);
  return WaitForDaemon(notify->get());
}

absl::Status Stage::WaitForDaemon(int notify) {
  const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(kStartMs);
  while (std::chrono::steady_clock::now() < until && !Interrupted()) {
    pollfd told{notify, POLLIN, 0};
    if (poll(&told, 1, 200) == 1) {
      char text[512] = {};
      (void)!recv(notify, text, sizeof text - 1, 0);
      if (strstr(text, "READY=1") != nullptr) return absl::OkStatus();
    }
    if (daemon_.Ended()) return kit::Error(absl::StatusCode::kUnavailable, "start belfryd", "it ended; its log follows");
  }
  return kit::Error(absl::StatusCode::kDeadlineExceeded, "start belfryd", "it did not become ready");
}

absl::Status Stage::AskBackend() {
  auto admin = v1::Admin::NewStub(
      grpc::CreateChannel("unix:" + props_->At("run/admin.sock"), grpc::InsecureChannelCredentials()));
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(20));
  context.set_wait_for_ready(true);
  v1::StatusReply reply;
  grpc::Status status = admin->Status(&context, v1::StatusRequest(), &reply);
  if (!status.ok()) {
    return kit::Error(absl::StatusCode::kUnavailable, "ask belfryd for its backend", status.error_message());
  }
  backend_ = reply.backend();
  return absl::OkStatus();
}

// The daemon does not say when following begins: a connection of ours that shows up in it does.
absl::Status Stage::OpenChronicle() {
  chronicle_ = std::make_unique<Chronicle>(props_->At("run/admin.sock"));
  Trouble trouble;
  Player herald = Enter(trouble, {intruder()});
  for (int attempt = 0; attempt < 100 && !trouble.any() && !Interrupted(); ++attempt) {
    herald.Connect(SocketOf(kGuard));
    if (chronicle_->HasBegun(100)) return absl::OkStatus();
  }
  trouble.Note(kit::Error(absl::StatusCode::kUnavailable, "follow belfryd's journal", "a connection did not show in it"));
  return trouble.first;
}

Json Stage::StockSays(pid_t pid) const { return StockJson(ReadStockView(pid), entries_, true); }

absl::Status Stage::StartAgent(const std::string& guard) {
  auto pair = ControlPair();
  if (!pair.ok()) return pair.status();
  Json parts = AgentOrder(*props_, guard, entries_);
  if (with_belfry_) AddPlugin(*props_, programs_.plugin, guard, parts);
  ChildOrder order;
  order.arguments = {programs_.actor, "agent", std::to_string(kControl), parts.dump()};
  order.environment = Environment();
  order.control = pair->second.get();
  order.log = log_.get();
  auto child = Child::Start(order);
  if (!child.ok()) return child.status();
  pair->second.Reset();
  agents_[guard] = std::make_unique<Agent>(*std::move(child), std::move(pair->first));
  return agents_[guard]->WaitUntilReady();
}

Player Stage::Enter(Trouble& trouble, const std::vector<std::string>& words,
                    const std::vector<std::string>& environment, pid_t number) {
  Player nobody(trouble, -1, Child(), kit::OwnedFd());
  auto pair = ControlPair();
  if (trouble.any() || !pair.ok()) {
    trouble.Note(pair.status());
    return nobody;
  }
  ChildOrder order;
  order.arguments = words;
  order.arguments.insert(order.arguments.end(), {"act", std::to_string(kControl)});
  order.environment = Environment();
  order.environment.insert(order.environment.end(), environment.begin(), environment.end());
  order.control = pair->second.get();
  order.uid = kWorkloadUid;
  order.number = number;
  auto child = Child::Start(order);
  if (!child.ok()) {
    trouble.Note(child.status());
    return nobody;
  }
  pair->second.Reset();
  const pid_t pid = child->pid();
  Player player(trouble, pid, *std::move(child), std::move(pair->first));
  player.Finish();  // its first word
  return player;
}

int Stage::Try(const std::vector<std::string>& words) {
  ChildOrder order;
  order.arguments = words;
  order.environment = Environment();
  order.uid = kWorkloadUid;
  auto child = Child::Start(order);
  return child.ok() ? child->Reap() : -1;
}

std::string Stage::LogTail() const {
  std::ifstream in(props_->At("log"));
  std::vector<std::string> lines;
  for (std::string line; std::getline(in, line);) lines.push_back("  | " + kit::Escape(line, 400));
  std::string tail;
  for (size_t i = lines.size() > 12 ? lines.size() - 12 : 0; i < lines.size(); ++i) tail += lines[i] + "\n";
  return tail;
}

}  // namespace belfry::demo
