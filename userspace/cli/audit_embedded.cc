// An engine of our own for as long as the audit lasts: nothing is pinned, nothing is written to any disk, so that nothing
// is left behind, whatever ends us.
#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "cli/amounts.h"
#include "cli/audit.h"
#include "cli/audit_guards.h"
#include "cli/exits.h"
#include "cli/version.h"
#include "effect/no_cutter.h"
#include "engine/engine.h"
#include "host/private_folder.h"
#include "host/user_names.h"
#include "kernel/bpf_kernel.h"
#include "kit/error.h"
#include "kit/log.h"

namespace belfry::cli {
namespace {

// Without these an audit would miss connects without a word.
absl::Status Proven(const std::vector<engine::CanaryResult>& results, bool ports) {
  for (const engine::CanaryResult& result : results)
    if (!result.ok && (result.capability.starts_with("connect") || (ports && result.capability.starts_with("TCP"))))
      return kit::Error(absl::StatusCode::kFailedPrecondition, "trying to see our own connect", result.detail,
                        "`belfry doctor` says what this kernel lacks");
  return absl::OkStatus();
}

class EmbeddedAudit {
 public:
  EmbeddedAudit(const AuditOptions& options, engine::Engine& engine, kit::OwnedFd signals, Surroundings& surroundings)
      : options_(options),
        engine_(engine),
        signals_(std::move(signals)),
        surroundings_(surroundings),
        output_(options, surroundings, [this] { engine_.Stop(); }) {}

  int Run() {
    if (absl::Status s = engine_.loop().Watch(signals_.get(), EPOLLIN, [this](uint32_t) { engine_.Stop(); }); !s.ok())
      return Fail(surroundings_, s, kBlind);
    if (absl::Status s = engine_.Start([this] { Begin(); }); !s.ok()) return Fail(surroundings_, s, kBlind);
    engine_.Run();
    engine_.loop().Unwatch(signals_.get());
    if (!began_.ok()) return Fail(surroundings_, began_, kBlind);
    engine_.CatchUp();
    output_.Drain();
    engine_.journal().Close();
    return output_.End(missed_);
  }

 private:
  void Begin() {
    const auto& guards = engine_.guards().all();
    const bool ports = std::any_of(guards.begin(), guards.end(), [](const engine::Guard& guard) { return guard.config.is_port(); });
    began_ = Proven(engine_.canary().last(), ports);
    if (!began_.ok()) return engine_.Stop();
    engine_.Follow({.closings = options_.closings,
                    .take = [this](const effect::Line& line) { return output_.Take({.entry = line.shared()}, line.urgency()); },
                    .cancelled = [] { return false; },
                    .ended = [](const absl::Status&) {},
                    .untold = [this](uint64_t dropped) { missed_ = dropped; }});
    output_.Ready(absl::StrCat("watching ", Counted(engine_.guards().all().size(), "guard"), ", backend ",
                               engine_.kernel().BackendName(), options_.time.count() > 0 ? "" : "; Ctrl-C ends it"));
    if (options_.time.count() > 0) engine_.loop().After(options_.time, [this] { engine_.Stop(); });
  }

  const AuditOptions& options_;
  engine::Engine& engine_;
  const kit::OwnedFd signals_;
  Surroundings& surroundings_;
  absl::Status began_ = absl::CancelledError("watching: told to stop before it had begun");
  uint64_t missed_ = 0;
  AuditOutput output_;
};

}  // namespace

int AuditEmbedded(const AuditOptions& options, Surroundings& surroundings) {
  auto config = AuditGuards(options);
  if (!config.ok()) return Fail(surroundings, config.status(), kUsage);
  kit::OwnedFd signals = StopSignals();
  auto folder = host::PrivateFolder::Make();
  if (!folder.ok()) return Fail(surroundings, folder.status(), kBlind);
  config->run_dir = folder->path();
  using Reference = kernel::BpfOptions::Reference;
  auto opened = kernel::OpenKernel(
      {.pin = false, .refuse_splice = config->refuse_splice, .reference = config->host_is_self ? Reference::kSelf : Reference::kInit});
  if (!opened.ok()) return Fail(surroundings, opened.status(), kBlind);
  const kit::Log log(STDERR_FILENO, kit::Level::kNotice);
  auto engine = engine::Engine::Make({.config = *std::move(config),
                                      .accounts = [] { return host::ReadAccounts(); },
                                      .kernel = std::move(opened->kernel),
                                      .cutter = std::make_unique<effect::NoCutter>(),
                                      .version = kVersion,
                                      .private_run_dir = folder->fd()},
                                     log);
  if (!engine.ok()) return Fail(surroundings, engine.status(), kBlind);
  return EmbeddedAudit(options, **engine, std::move(signals), surroundings).Run();
}

}  // namespace belfry::cli
