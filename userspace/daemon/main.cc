// belfryd: the engine with its privileges, its doors and its service manager.
#include <signal.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "daemon/options.h"
#include "daemon/privileges.h"
#include "daemon/service_manager.h"
#include "daemon/version.h"
#include "effect/cutter.h"
#include "engine/config.h"
#include "engine/engine.h"
#include "host/user_names.h"
#include "kernel/bpf_kernel.h"
#include "kit/error.h"
#include "kit/log.h"
#include "service/doors.h"
#include "service/listener.h"
#include "service/loopback.h"
#include "service/metrics_door.h"

namespace belfry::daemon {
namespace {

constexpr std::chrono::milliseconds kGrace{2000};  // for calls that are being answered when we are told to stop
constexpr char kAdminGroup[] = "belfry";

int Ended(const kit::Log& log, const absl::Status& why, int exit_code) {
  log.Error(std::string(why.message()));
  return exit_code;
}

int Uninstall(const kit::Log& log, const std::string& bpffs) {
  const auto removed = kernel::RemovePins(bpffs);
  if (!removed.ok()) return Ended(log, removed.status(), kExitCannotGuard);
  log.Info(absl::StrCat("removed ", *removed, " pins below ", bpffs));
  return kExitDone;
}

// Blocked in every thread, read by the loop.
kit::OwnedFd TakeSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&signals, signal);
  sigprocmask(SIG_BLOCK, &signals, nullptr);
  signal(SIGPIPE, SIG_IGN);
  return kit::OwnedFd(signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK));
}

// What it tells is of use to an attacker too: whether anybody looks, and what he cannot see.
absl::StatusOr<service::MetricsDoor::Listening> ListenForMetrics(const engine::MetricsConfig& where) {
  if (where.tcp) {
    auto fd = service::ListenOnLoopback(*where.tcp);
    if (!fd.ok()) return fd.status();
    return *std::move(fd);
  }
  auto listener = service::Listener::Make(where.path, where.gid ? 0660 : 0600, where.gid.value_or(static_cast<gid_t>(-1)));
  if (!listener.ok()) return listener.status();
  return *std::move(listener);
}

class Daemon {
 public:
  Daemon(engine::Engine& engine, Sockets sockets, std::string run_dir, kit::OwnedFd signals, const kit::Log& log)
      : engine_(engine), sockets_(std::move(sockets)), run_dir_(std::move(run_dir)), signals_(std::move(signals)), log_(log) {}

  int Run() {
    const absl::Status watched =
        engine_.loop().Watch(signals_.get(), EPOLLIN, [this](uint32_t) { OnSignal(); });
    if (!watched.ok()) return Ended(log_, watched, kExitCannotGuard);
    if (absl::Status started = engine_.Start([this] { OpenDoors(); }); !started.ok())
      return Ended(log_, started, kExitCannotGuard);
    engine_.Run();
    if (stopping_.joinable()) stopping_.join();
    engine_.loop().Unwatch(signals_.get());
    return exit_code_;
  }

 private:
  void OpenDoors() {
    if (stopping_.joinable()) return;
    if (absl::Status opened = OpenMetrics(); !opened.ok()) {
      exit_code_ = Ended(log_, opened, kExitCannotGuard);
      return engine_.Stop();
    }
    auto doors = service::OpenDoors({.run_dir = run_dir_,
                                     .attest_listener = std::move(sockets_.attest),
                                     .admin_listener = std::move(sockets_.admin),
                                     .admin_group = kAdminGroup},
                                    engine_.questions());
    if (!doors.ok()) {
      exit_code_ = Ended(log_, doors.status(), kExitCannotGuard);
      return engine_.Stop();
    }
    doors_ = *std::move(doors);
    const std::string status = absl::StrCat("guarding ", engine_.guards().all().size(), " guards, backend ",
                                            engine_.kernel().BackendName());
    log_.Info(status);
    TellReady(status);
  }

  absl::Status OpenMetrics() {
    const auto& where = engine_.parts().config.metrics;
    if (!where) return absl::OkStatus();
    auto listening = ListenForMetrics(*where);
    if (!listening.ok()) return listening.status();
    auto door = service::MetricsDoor::Open(*std::move(listening), [this](auto done) { engine_.Measure(std::move(done)); }, {});
    if (!door.ok()) return door.status();
    metrics_ = *std::move(door);
    return absl::OkStatus();
  }

  void OnSignal() {
    signalfd_siginfo info;
    while (read(signals_.get(), &info, sizeof info) == sizeof info) {
      if (info.ssi_signo == SIGHUP)
        Reload();
      else
        BeginStop();
    }
  }

  void Reload() {
    TellReloading();
    const auto message = engine_.Reload();
    if (message.ok())
      log_.Info(*message);
    else
      log_.Error(absl::StrCat("reload refused, nothing changed: ", std::string(message.status().message())));
    TellReady(message.ok() ? *message : "running with the configuration of before");
  }

  // The doors wait for answers that the loop gives: they are closed from a thread of their own while the loop goes on.
  void BeginStop() {
    if (stopping_.joinable()) return;
    TellStopping();
    log_.Info("stopping");
    stopping_ = std::thread([this] {
      if (doors_ != nullptr) doors_->Stop(kGrace);
      engine_.Stop();
    });
  }

  engine::Engine& engine_;
  Sockets sockets_;
  const std::string run_dir_;
  const kit::OwnedFd signals_;
  const kit::Log& log_;
  std::unique_ptr<service::Doors> doors_;
  std::unique_ptr<service::MetricsDoor> metrics_;
  std::thread stopping_;
  int exit_code_ = kExitDone;
};

int Serve(const engine::Config& config, const kit::Log& log) {
  kit::OwnedFd signals = TakeSignals();
  Sockets sockets = TakeSockets();
  auto cutter = effect::StartCutter();
  if (!cutter.ok()) return Ended(log, cutter.status(), kExitCannotGuard);
  using Reference = kernel::BpfOptions::Reference;
  auto opened = kernel::OpenKernel({.bpffs = config.bpffs,
                                    .pin = config.pin,
                                    .refuse_splice = config.refuse_splice,
                                    .reference = config.host_is_self ? Reference::kSelf : Reference::kInit});
  if (!opened.ok()) return Ended(log, opened.status(), kExitCannotGuard);
  const std::optional<uint32_t> readers = config.metrics ? config.metrics->gid : std::nullopt;
  if (absl::Status dropped = DropPrivileges(kAdminGroup, readers); !dropped.ok()) return Ended(log, dropped, kExitCannotGuard);
  auto engine = engine::Engine::Make({.config = config,
                                      .accounts = [] { return host::ReadAccounts(); },
                                      .kernel = std::move(opened->kernel),
                                      .adopted = opened->adopted,
                                      .cutter = *std::move(cutter),
                                      .version = kVersion,
                                      .alarms = true},
                                     log);
  if (!engine.ok()) return Ended(log, engine.status(), kExitCannotGuard);
  return Daemon(**engine, std::move(sockets), config.run_dir, std::move(signals), log).Run();
}

int Main(int argc, char** argv) {
  const kit::Log log(STDERR_FILENO, kit::Level::kInfo, kit::IsJournalStream(STDERR_FILENO, getenv("JOURNAL_STREAM")));
  int exit_code = kExitDone;
  const auto options = ParseOptions(argc, argv, exit_code);
  if (!options) return exit_code;
  if (options->uninstall) return Uninstall(log, options->bpffs);
  const auto config = engine::LoadConfig(options->config, host::ReadAccounts());
  if (!config.ok()) {
    for (const auto line : absl::StrSplit(config.status().message(), '\n')) log.Error(std::string(line));
    return kExitBadConfiguration;
  }
  if (options->check) {
    log.Info(absl::StrCat(options->config, ": good, ", config->guards.size(), " guards"));
    return kExitDone;
  }
  return Serve(*config, log);
}

}  // namespace
}  // namespace belfry::daemon

int main(int argc, char** argv) { return belfry::daemon::Main(argc, argv); }
