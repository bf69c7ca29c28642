#include "demo/daemon_run.h"

#include <grpcpp/grpcpp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <fstream>

#include "demo/interrupt.h"
#include "kit/error.h"
#include "kit/owned_fd.h"

namespace belfry::demo {
namespace {

constexpr int kStartMs = 60000;
constexpr int kStopMs = 5000;

absl::StatusOr<kit::OwnedFd> BindNotify(const std::string& path) {
  sockaddr_un address{.sun_family = AF_UNIX};
  memcpy(address.sun_path, path.c_str(), std::min(path.size(), sizeof address.sun_path - 1));
  kit::OwnedFd fd(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!fd || bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    return kit::ErrnoError("listen for the daemon's readiness");
  }
  return fd;
}

}  // namespace

std::string DaemonConfig(const DaemonOrder& order) {
  std::string text = "version: 1\nrun_dir: " + order.folder + "/run\npin: false\nhost: self\nguards:\n";
  for (const std::string& guard : order.guards) {
    text += "  - name: " + guard + "\n    unix: " + order.folder + "/" + guard + ".sock\n    listener: { exe: " +
            order.listener + ", uid: 0 }\n    mode: deny\n";
    if (guard == kStrictGuard) text += "    withhold_on: [untrusted_code]\n";
  }
  return text;
}

absl::StatusOr<std::unique_ptr<DaemonRun>> DaemonRun::Start(const DaemonOrder& order) {
  std::unique_ptr<DaemonRun> run(new DaemonRun);
  const std::string config = order.folder + "/belfryd.yaml", bell = order.folder + "/notify.sock";
  const std::string admin = order.folder + "/run/admin.sock";
  std::ofstream(config) << DaemonConfig(order);
  auto notify = BindNotify(bell);
  if (!notify.ok()) return notify.status();
  ChildOrder child;
  child.arguments = {order.program, "--config", config};
  child.environment = {"PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", "LANG=C.UTF-8", "NOTIFY_SOCKET=" + bell};
  child.log = order.log;
  auto started = Child::Start(child);
  if (!started.ok()) return started.status();
  run->child_ = *std::move(started);
  absl::Status ready = run->WaitUntilReady(notify->get());
  if (ready.ok()) ready = run->AskBackend(admin);
  if (!ready.ok()) return ready;
  run->chronicle_ = std::make_unique<Chronicle>(admin);
  return run;
}

DaemonRun::~DaemonRun() {
  chronicle_.reset();
  child_.Stop(kStopMs);
}

absl::Status DaemonRun::WaitUntilReady(int notify) {
  const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(kStartMs);
  while (std::chrono::steady_clock::now() < until && !Interrupted()) {
    pollfd told{notify, POLLIN, 0};
    if (poll(&told, 1, 200) == 1) {
      char text[512] = {};
      (void)!recv(notify, text, sizeof text - 1, 0);
      if (strstr(text, "READY=1") != nullptr) return absl::OkStatus();
    }
    if (child_.Ended()) return kit::Error(absl::StatusCode::kUnavailable, "start belfryd", "it ended; its log follows");
  }
  return kit::Error(absl::StatusCode::kDeadlineExceeded, "start belfryd", "it did not become ready");
}

absl::Status DaemonRun::AskBackend(const std::string& admin_socket) {
  auto admin = v1::Admin::NewStub(
      grpc::CreateChannel("unix:" + admin_socket, grpc::InsecureChannelCredentials()));
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

}  // namespace belfry::demo
