#include "demo/stage.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>

#include <algorithm>
#include <fstream>

#include "demo/interrupt.h"
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

Json AgentOrder(const Props& props, const std::string& guard, const std::vector<Entry>& entries) {
  return {{"socket", props.At(guard + ".sock")},
          {"scratch", props.At("agent")},
          {"trust_domain", kTrustDomain},
          {"entries", EntriesJson(entries)}};
}

// A slow machine is no attack.
constexpr char kPluginDeadline[] = "deadline = \"20s\"\n";

void AddPlugin(const Props& props, const std::string& plugin, const std::string& guard, Json& order) {
  order["plugin"] = plugin;
  order["arguments"] = std::vector<std::string>{"--guard=" + guard};
  order["data"] = "discover_workload_path = true\nattest_socket = \"" + props.At("run/attest.sock") + "\"\n" + kPluginDeadline;
  order["admin"] = props.At("run/admin.sock");
}

}  // namespace

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

absl::Status Agent::WaitUntil(const std::function<bool()>& seen) {
  while (!seen()) {
    absl::StatusOr<Json> said = Next();
    if (!said.ok()) return said.status();
  }
  return absl::OkStatus();
}

absl::Status Agent::WaitFor(const std::string& event, pid_t pid) {
  return WaitUntil([&] {
    return std::any_of(events_.begin(), events_.end(), [&](const Json& one) {
      return one.value("event", "") == event && one.value("pid", 0) == pid;
    });
  });
}

absl::Status Agent::WaitForMany(const std::string& event, size_t count) {
  return WaitUntil([&] {
    return std::count_if(events_.begin(), events_.end(),
                         [&](const Json& one) { return one.value("event", "") == event; }) >= static_cast<int>(count);
  });
}

absl::StatusOr<std::unique_ptr<Stage>> Stage::Set(const StageOrder& order) {
  std::unique_ptr<Stage> stage(new Stage(order));
  auto props = Props::Lay(order.programs);
  if (!props.ok()) return props.status();
  stage->props_ = std::make_unique<Props>(*std::move(props));
  auto entries = stage->props_->Entries();
  if (!entries.ok()) return entries.status();
  stage->entries_ = *std::move(entries);
  stage->entries_.insert(stage->entries_.end(), order.more_entries.begin(), order.more_entries.end());
  stage->log_ = kit::OwnedFd(open(stage->props_->At("log").c_str(), O_CREAT | O_RDWR | O_APPEND | O_CLOEXEC, 0600));
  absl::Status started = order.with_belfry ? stage->StartDaemon() : absl::OkStatus();
  if (started.ok()) started = order.spire ? stage->StartSpire() : stage->StartAgent(kGuard);
  if (started.ok() && !order.spire) started = stage->StartAgent(kStrictGuard);
  if (started.ok() && order.with_belfry) started = stage->WaitForChronicle();
  if (!started.ok()) {
    return absl::Status(started.code(), std::string(started.message()) + "\n" + stage->LogTail());
  }
  return stage;
}

Stage::~Stage() {
  agents_.clear();
  spire_.reset();
}

absl::Status Stage::StartDaemon() {
  DaemonOrder order{order_.programs.belfryd, props_->folder(), order_.programs.actor, {kGuard, kStrictGuard}, log_.get()};
  if (order_.spire) {
    order.listener = order_.spire->agent;
    order.guards = {kGuard};
  }
  auto daemon = DaemonRun::Start(order);
  if (!daemon.ok()) return daemon.status();
  daemon_ = *std::move(daemon);
  return absl::OkStatus();
}

absl::Status Stage::StartSpire() {
  SpireOrder order{*order_.spire, props_->At("spire"), SocketOf(kGuard), kTrustDomain, entries_,
                   "    plugin_data { discover_workload_path = true }\n", log_.get()};
  mkdir(order.folder.c_str(), 0700);
  if (with_belfry()) {
    order.attestor = "    plugin_cmd = \"" + order_.programs.plugin + "\"\n    plugin_args = [\"--guard=" + kGuard +
                     "\"]\n    plugin_data {\n      discover_workload_path = true\n      attest_socket = \"" +
                     props_->At("run/attest.sock") + "\"\n      " + kPluginDeadline + "    }\n";
  }
  auto node = SpireNode::Start(order);
  if (!node.ok()) return node.status();
  spire_ = *std::move(node);
  return WaitForEntries();
}

// spire-server reads new entries into its cache every five seconds, the agent asks for them every five: both trusted
// programs ask until they get what was registered.
absl::Status Stage::WaitForEntries() {
  Trouble trouble;
  for (const std::string& program : {payments(), billing()}) {
    Player herald = Enter(trouble, {program});
    Fetched fetched;
    for (int attempt = 0; attempt < 150 && fetched.identity.empty() && !trouble.any() && !Interrupted(); ++attempt) {
      poll(nullptr, 0, 200);
      fetched = herald.Fetch(SocketOf(kGuard));
    }
    if (fetched.identity.empty()) {
      trouble.Note(kit::Error(absl::StatusCode::kUnavailable, "wait for SPIRE's entries", fetched.message));
    }
  }
  return trouble.first;
}

// The daemon does not say when following begins: a connection of ours that shows up in it does.
absl::Status Stage::WaitForChronicle() {
  Trouble trouble;
  Player herald = Enter(trouble, {intruder()});
  for (int attempt = 0; attempt < 100 && !trouble.any() && !Interrupted(); ++attempt) {
    herald.Connect(SocketOf(kGuard));
    if (daemon_->chronicle().HasBegun(100)) return absl::OkStatus();
  }
  trouble.Note(kit::Error(absl::StatusCode::kUnavailable, "follow belfryd's journal", "a connection did not show in it"));
  return trouble.first;
}

Json Stage::StockSays(pid_t pid) const { return StockJson(ReadStockView(pid), entries_, true); }

absl::Status Stage::StartAgent(const std::string& guard) {
  auto pair = ControlPair();
  if (!pair.ok()) return pair.status();
  Json parts = AgentOrder(*props_, guard, entries_);
  if (with_belfry()) AddPlugin(*props_, order_.programs.plugin, guard, parts);
  ChildOrder order;
  order.arguments = {order_.programs.actor, "agent", std::to_string(kControl), parts.dump()};
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
