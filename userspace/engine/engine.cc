#include "engine/engine.h"

#include <sys/epoll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "effect/metrics.h"
#include "engine/answers.h"
#include "engine/backend_limits.h"
#include "engine/kernel_rules.h"
#include "engine/measure.h"
#include "engine/orders.h"
#include "engine/socket_names.h"
#include "host/process_files.h"
#include "kit/clock.h"
#include "kit/error.h"
#include "verdict/soundness.h"

namespace belfry::engine {
namespace {

constexpr std::chrono::milliseconds kExpire{250};   // answers what waits for a worker that hangs
constexpr std::chrono::milliseconds kLook{2000};    // names and listeners, while one of them is missing
constexpr std::chrono::milliseconds kMoreFiles{20};  // between looks at the paths that rules name
constexpr std::chrono::milliseconds kSweep{5000};   // the kernel's state against what is known
constexpr size_t kManyConnections = 16384;          // not yet known to be gone: a quarter of the kernel's map

std::vector<std::string> NamesOf(const Config& config) {
  std::vector<std::string> names;
  for (const GuardConfig& guard : config.guards) names.push_back(guard.policy.name);
  return names;
}

bool SameName(const kernel::GuardedName& a, const kernel::GuardedName& b) {
  return a.guard == b.guard && a.socket == b.socket && a.dev == b.dev && a.path == b.path;
}

BackendTraits TraitsOf(const kernel::Kernel& kernel) {
  return {.name = kernel.BackendName(), .blind_to = kernel.BlindTo(), .refuses_connects = kernel.RefusesUse()};
}

// What lies in it is believed: the operator's override switches guards off.
absl::Status MakeDirectory(const std::string& path) {
  if (mkdir(path.c_str(), 0755) != 0 && errno != EEXIST)
    return kit::ErrnoError("making " + path, "make the directory above it");
  struct stat made {};
  if (stat(path.c_str(), &made) != 0) return kit::ErrnoError("looking at " + path);
  if (S_ISDIR(made.st_mode) && (made.st_uid == 0 || made.st_uid == geteuid()) && (made.st_mode & (S_IWGRP | S_IWOTH)) == 0)
    return absl::OkStatus();
  return kit::Error(absl::StatusCode::kFailedPrecondition, "using run_dir " + path,
                    "others than root may write there, and what lies there is believed",
                    "name a directory that only root may write to, /run/belfry for one");
}

}  // namespace

absl::StatusOr<std::unique_ptr<Engine>> Engine::Make(EngineParts parts, const kit::Log& log) {
  if (absl::Status status = CheckRequired(parts.config, TraitsOf(*parts.kernel)); !status.ok()) return status;
  if (absl::Status status = MakeDirectory(parts.config.run_dir); !status.ok()) return status;
  auto loop = Loop::Make();
  if (!loop.ok()) return loop.status();
  return std::unique_ptr<Engine>(new Engine(std::move(parts), log, *std::move(loop)));
}

Engine::Engine(EngineParts parts, const kit::Log& log, std::unique_ptr<Loop> loop)
    : parts_(std::move(parts)),
      log_(log),
      loop_(std::move(loop)),
      numbers_(parts_.config.pin ? parts_.config.run_dir + "/guards.json" : ""),
      witness_(*parts_.kernel, guards_, seen_.processes, names_),
      losses_(*parts_.kernel, journal_),
      alarms_(log),
      host_netns_(host::NetworkNamespaceNow(1).value_or(0)) {
  journal_.CompleteBy([this](effect::Entry& entry) { witness_.Complete(entry); });
  if (parts_.alarms)
    journal_.AlarmBy([this](const effect::Entry& entry) { return Alarms::Concerns(entry) && witness_.IsViolation(entry); },
                     [this](const effect::Entry& entry) { alarms_.Tell(entry, kit::Folding::Clock::now()); });
  seen_.connections.OnClosed([this](const evidence::SeenConnection& connection) { TellClosed(connection); });
  const auto post = [this](std::function<void()> task) { loop_->Post(std::move(task)); };
  readers_ = std::make_unique<host::Workers>(host::Workers::Options{}, post);
  hashers_ = std::make_unique<host::Workers>(host::Workers::Options{.threads = 4, .per_key = 1, .queue = 1024}, post);
  digests_ = std::make_unique<Digests>(kernel(), *hashers_);
  reader_ = std::make_unique<EvidenceReader>(kernel(), *readers_, *digests_);
  cuts_ = std::make_unique<Cuts>(*loop_, kernel(), *parts_.cutter, journal_, guards_);
  gate_ = std::make_unique<Gate>(kernel(), guards_, seen_.processes, *reader_, *cuts_, journal_);
  listeners_ = std::make_unique<Listeners>(kernel(), guards_, *reader_, journal_, log_);
  pipeline_ = std::make_unique<Pipeline>(
      kernel(), guards_, seen_, *cuts_, journal_, witness_, *gate_,
      Pipeline::Signals{
          .listeners_changed = [this] { listeners_->Scan([] {}); },
          .opened = [this](const Guard& guard, const belfry_pin& opener) { Prefetch(guard, opener); }});
  sweep_ = std::make_unique<Sweep>(kernel(), guards_, seen_, *cuts_, *gate_, gaps_, [this] { pipeline_->Turn(); });
  modes_ = std::make_unique<Modes>(parts_.config.run_dir, guards_, host::DisarmedBy(parts_.disarm_file),
                                   TraitsOf(kernel()));
  ports_ = std::make_unique<Ports>(*loop_, kernel(), guards_, log_);
  canary_ = std::make_unique<Canary>(*loop_, kernel(), parts_.config.run_dir,
                                     Canary::Means{.guard_port = [this](uint16_t port) { return ports_->Guard(port); },
                                                   .give_orders = [this] { return GiveOrders(); }});
  bench_ = std::make_unique<Bench>(Bench{*loop_, kernel(), guards_, gaps_, *cuts_, *reader_, *gate_, journal_,
                                         [this] { pipeline_->Turn(); }, parts_.deadlines});
  questions_ = std::make_unique<Answers>(*this);
}

Engine::~Engine() {
  // Threads first: they post to the loop and their jobs name what is destroyed below.
  readers_.reset();
  hashers_.reset();
}

absl::Status Engine::TakeGuards(const Config& config) {
  for (const std::string& line : WithoutEffect(config, kernel().BackendName())) log_.Notice(line);
  const auto numbers = numbers_.Assign(NamesOf(config));
  if (!numbers.ok()) return numbers.status();
  std::vector<Guard> guards;
  for (const GuardConfig& guard : config.guards) guards.push_back({.number = numbers->at(guard.policy.name), .config = guard});
  guards_.Replace(std::move(guards));
  FollowFiles(gate_->WatchFiles());
  if (absl::Status status = modes_->Apply(); !status.ok()) {
    if (!absl::IsInvalidArgument(status)) return status;
    log_.Warning(std::string(status.message()));
  }
  // Orders first: a guard's first connection is treated as its mode says.
  if (absl::Status status = GiveOrders(); !status.ok()) return status;
  for (const Guard& guard : guards_.all())
    if (guard.config.rules != nullptr && guard.compiled == nullptr && WhyLate(guard.config).empty())
      log_.Warning(absl::StrCat("guard ", guard.name(), ": the kernel part has no room for the values of its rules: nobody is refused by them at the connect; write fewer"));
  if (absl::Status status = ports_->Guard(0); !status.ok()) return status;
  return GuardNames();
}

// Ten thousand paths are not asked about in one go.
void Engine::FollowFiles(bool all_known) {
  if (all_known) return;
  loop_->After(kMoreFiles, [this] {
    FollowFiles(gate_->Look());
    TellFiles();
  });
}

absl::Status Engine::GiveOrders() {
  std::vector<kernel::GuardOrders> orders = OrdersOf(guards_, gate_->files());
  files_given_ = gate_->files().changes();
  // The canary's stream is one that denies: what is refused there is refused.
  if (parts_.canary) orders.push_back(canary_->orders());
  if (absl::Status status = kernel().SetOrders(orders); !status.ok()) return status;
  return SetRuleSettings();  // not before: what has changed since that look is not in earlier orders
}

// Rules are compiled to files: to those of now.
void Engine::TellFiles() {
  const absl::Status status = gate_->files().changes() == files_given_ ? SetRuleSettings() : GiveOrders();
  if (!status.ok()) log_.Error(std::string(status.message()));
}

absl::Status Engine::SetRuleSettings() {
  return kernel().SetRuleSettings({.files_ctime_ns = gate_->files().looked_ctime_ns(), .host_netns = host_netns_, .pad = 0});
}

absl::Status Engine::GuardNames() {
  std::vector<kernel::GuardedName> names = ResolveNames(kernel(), guards_);
  if (parts_.canary) {
    for (kernel::GuardedName& name : CanaryNames()) {
      name.guard = kCanaryGuard;
      names.push_back(name);
    }
  }
  SayNotes();
  if (std::equal(names.begin(), names.end(), names_set_.begin(), names_set_.end(), SameName)) return absl::OkStatus();
  if (absl::Status status = kernel().SetGuardedNames(names); !status.ok()) return status;
  names_set_ = std::move(names);
  return absl::OkStatus();
}

// A folder without a name is no part of the mounts that paths lead through.
std::vector<kernel::GuardedName> Engine::CanaryNames() {
  if (parts_.private_run_dir < 0) return ResolvePath(kernel(), canary_->path()).names;
  const auto folder = kernel().Describe(parts_.private_run_dir);
  if (!folder.ok()) return {};
  return {{.dev = folder->id.dev, .path = canary_->path().substr(canary_->path().rfind('/'))}};
}

void Engine::SayNotes() {
  std::vector<std::string> notes;
  for (const Guard& guard : guards_.all())
    for (const std::string& note : guard.notes)
      if (!note.empty()) notes.push_back(absl::StrCat("guard ", guard.name(), ": ", note));
  for (const std::string& note : notes)
    if (std::find(said_.begin(), said_.end(), note) == said_.end()) log_.Notice(note);
  said_ = std::move(notes);
}

absl::Status Engine::Start(std::function<void()> ready) {
  if (modes_->disarmed()) log_.Warning(absl::StrCat("disarmed: ", *modes_->disarmed(), ": every guard observes"));
  const bool numbers_known = numbers_.Load().ok();
  if (parts_.canary)
    if (absl::Status status = canary_->Bind(); !status.ok()) return status;
  const uint64_t started_ns = kit::BootNs();
  // Records of a kernel part that was interrupted, or of guards whose names are lost, are no proof any more.
  if (const auto entries = kernel().AllConnections(); entries.ok() && !(parts_.adopted && numbers_known))
    for (const kernel::ConnectionEntry& entry : *entries)
      kernel().Taint(entry.cookie, 1u << BELFRY_TAINT_EVIDENCE_GAP).IgnoreError();
  if (absl::Status status = TakeGuards(parts_.config); !status.ok()) return status;
  if (const auto all = kernel().AllLive(); all.ok()) seen_.processes.Seed(*all, started_ns);
  const auto turn = [this](uint32_t) {
    pipeline_->Turn();
    if (gate_->files().changes() != files_given_) TellFiles();
  };
  if (absl::Status status = loop_->Watch(kernel().RingFd(), EPOLLIN, turn); !status.ok()) return status;
  if (auto watch = host::MountWatch::Open(); watch.ok()) {
    mounts_ = *std::move(watch);
    const auto changed = [this](uint32_t) {
      if (mounts_->Changed()) Tick();
    };
    if (absl::Status status = loop_->Watch(mounts_->fd(), EPOLLPRI | EPOLLERR | EPOLLET, changed); !status.ok())
      return status;
  }
  Every(kExpire, [this] {
    readers_->Expire(kit::BootNs());
    hashers_->Expire(kit::BootNs());
    Watch();
  });
  Every(kLook, [this] { Tick(); });
  Every(kSweep, [this] {
    const uint64_t now = kit::BootNs();
    pipeline_->Turn();
    SweepConnections(now);
    sweep_->LookForGaps(now);
    if (absl::Status status = kernel().SignOfLife(); !status.ok()) log_.Error(std::string(status.message()));
    seen_.processes.Forget(now);
    journal_.Prune();
    alarms_.Look(kit::Folding::Clock::now());
    ModesChanged();
  });
  // Listeners first: a guard's own branch is not to be mistaken for a stranger's.
  listeners_->Scan([this, ready = std::move(ready)] {
    // What was there bears its mark before the programs go that knew more of it.
    absl::Status status = MarkWhatWasThere();
    if (status.ok()) status = kernel().RetireOthers();
    if (!status.ok()) log_.Error(std::string(status.message()));
    if (!parts_.canary) return ready();
    canary_->Run([this, ready](const std::vector<CanaryResult>& results) {
      bench_->iterator_references = canary_->iterator_references();
      for (const CanaryResult& result : results)
        if (!result.ok) log_.Error(absl::StrCat("canary: ", result.capability, ": ", result.detail));
      ready();
    });
  });
  return absl::OkStatus();
}

absl::Status Engine::MarkWhatWasThere() {
  const uint64_t now = kit::BootNs();
  sweep_->LookForGaps(now);
  if (absl::Status status = sweep_->Connections(now); !status.ok()) return status;
  const auto found = sweep_->MarkUnrecorded(BELFRY_TAINT_PREEXISTING, now);
  if (!found.ok()) return found.status();
  if (*found > 0) log_.Notice(absl::StrCat(*found, " connections were open before Belfry watched: never sound"));
  return absl::OkStatus();
}

// Begun at connect, so that the first question finds it; the result is the cache's to keep.
void Engine::Prefetch(const Guard& guard, const belfry_pin& opener) {
  if (!guard.wants_digest) return;
  const auto process = kernel().Process(opener.tgid);
  if (!process || !SameProcess(process->pin, opener) || (process->image_flags & BELFRY_IMAGE_BACKFILLED) != 0) return;
  reader_->Start(opener.tgid, process->creds.uid, process->image, {.path = true, .sha256 = true, .exec_ns = process->exec_ns}, [](const Read&) {});
}

void Engine::Tick() {
  if (absl::Status status = GuardNames(); !status.ok()) log_.Error(std::string(status.message()));
  ports_->Look();
  gate_->Look();
  TellFiles();
  const bool missing = std::any_of(guards_.all().begin(), guards_.all().end(),
                                   [](const Guard& guard) { return guard.listeners.empty(); });
  if (missing || listeners_->SomebodyStarts()) listeners_->Scan([] {});
}

void Engine::CatchUp() {
  pipeline_->Turn();
  losses_.Look();
  journal_.Prune();
}

void Engine::Follow(effect::Follower follower) {
  losses_.Begin();
  journal_.Follow(std::move(follower));
}

void Engine::Measure(std::function<void(std::function<std::string()>)> done) {
  const bool asked = loop_->Post([this, done] {
    done([measures = MeasuresOf(*this)] { return effect::MetricsText(measures); });
  });
  if (!asked) done(nullptr);
}

// Nobody tells when a connection ends: it is noticed.
void Engine::TellClosed(const evidence::SeenConnection& connection) {
  const Guard* guard = journal_.closings_wanted() ? guards_.ByNumber(connection.record.guard) : nullptr;
  if (guard == nullptr) return;
  journal_.Write({.action = "closed", .time_ns = connection.closed_ns, .guard = guard->name(),
                  .pid = connection.record.opener.tgid, .pid_start_ns = connection.record.opener.start_ns,
                  .uid = connection.record.creds.euid, .cookie = connection.cookie});
}

// Between the sweeps: what followers wait for, and room in the kernel's map when connections come by the thousand.
void Engine::Watch() {
  if (journal_.followed()) losses_.Look();
  journal_.Prune();
  if (seen_.connections.live() > 2 * live_at_sweep_ + kManyConnections) SweepConnections(kit::BootNs());
}

void Engine::SweepConnections(uint64_t now_ns) {
  if (absl::Status status = sweep_->Connections(now_ns); !status.ok()) log_.Warning(std::string(status.message()));
  live_at_sweep_ = seen_.connections.live();
}

void Engine::Every(std::chrono::milliseconds period, std::function<void()> task) {
  loop_->After(period, [this, period, task = std::move(task)] {
    task();
    Every(period, task);
  });
}

void Engine::ModesChanged() {
  if (absl::Status status = GiveOrders(); !status.ok()) log_.Error(std::string(status.message()));
  static_cast<Answers&>(*questions_).TellModes();
}

absl::StatusOr<std::string> Engine::Reload() {
  auto config = LoadConfig(parts_.config.file, parts_.accounts());
  if (!config.ok()) return config.status();
  if (absl::Status status = CheckRequired(*config, TraitsOf(kernel())); !status.ok()) return status;
  const Config& now = parts_.config;
  if (config->run_dir != now.run_dir || config->bpffs != now.bpffs || config->pin != now.pin ||
      config->host_is_self != now.host_is_self || config->refuse_splice != now.refuse_splice || config->metrics != now.metrics)
    return kit::Error(absl::StatusCode::kFailedPrecondition, "reloading " + now.file,
                      "run_dir, bpffs, pin, refuse_splice, host and metrics cannot change while it runs", "restart belfryd");
  if (absl::Status status = TakeGuards(*config); !status.ok()) return status;
  parts_.config = *std::move(config);
  ModesChanged();
  listeners_->Scan([this] {
    if (absl::Status status = MarkWhatWasThere(); !status.ok()) log_.Error(std::string(status.message()));
  });
  return absl::StrCat("reloaded ", parts_.config.file, ": ", parts_.config.guards.size(), " guards");
}

}  // namespace belfry::engine
