#include "kernel/bpf_kernel.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <map>
#include <optional>
#include <set>
#include <tuple>
#include <utility>

#include "absl/strings/str_cat.h"
#include "kernel/backfill.h"
#include "kernel/call.h"
#include "kernel/candidates.h"
#include "kernel/hooks.h"
#include "kernel/loader.h"
#include "kernel/names.h"
#include "kernel/pins.h"
#include "kernel/ports.h"
#include "kernel/records.h"
#include "kernel/ring.h"
#include "kernel/rule_maps.h"
#include "kernel/servers.h"
#include "kernel/snapshot.h"
#include "kit/clock.h"
#include "kit/error.h"

namespace belfry::kernel {
namespace {

class BpfKernel : public Kernel {
 public:
  BpfKernel(Loaded loaded, const Candidate& chosen, bool refuse_splice, std::vector<std::string> steps_down)
      : loaded_(std::move(loaded)),
        chosen_(chosen),
        refuse_splice_(refuse_splice),
        name_(NameOf(chosen.backend)),
        steps_down_(std::move(steps_down)),
        snapshot_(loaded_.skeleton.get()) {}

  absl::Status Start(const BpfOptions& options);

  int RingFd() const override { return ring_->fd(); }
  absl::Status Drain(const Ring::Sink& sink) override { return ring_->Deliver(sink); }

  std::optional<belfry_process> Process(uint32_t tgid) override;
  absl::StatusOr<belfry_live> Live(uint32_t tgid) override;
  absl::StatusOr<std::vector<belfry_live>> AllLive() override { return snapshot_.Live(0); }
  std::optional<belfry_connection> Connection(uint64_t cookie) override { return records_->Find(cookie); }
  std::optional<ConnectionEntry> Examine(uint64_t cookie) override { return records_->One(cookie); }
  absl::StatusOr<std::vector<ConnectionEntry>> ConnectionsOf(uint32_t tgid) override { return records_->Of(tgid); }
  absl::StatusOr<std::vector<ConnectionEntry>> AllConnections() override { return records_->All(); }
  absl::StatusOr<std::vector<belfry_socket>> Sockets(uint32_t tgid) override { return snapshot_.Sockets(tgid); }
  absl::StatusOr<std::vector<belfry_socket>> HoldersOf(std::span<const uint64_t> cookies) override {
    return snapshot_.HoldersOf(cookies);
  }
  absl::StatusOr<belfry_described_file> Describe(int fd) override { return snapshot_.Describe(fd); }
  std::optional<uint32_t> Translate(uint32_t asker, int32_t pid) override { return snapshot_.Translate(asker, pid); }

  absl::Status SetGuardedNames(std::span<const GuardedName> names) override;
  absl::Status SetGuardedPorts(std::span<const GuardedPort> ports) override {
    return WriteGuardedPorts(ports, Fd(loaded_.skeleton->maps.port_guards), Fd(loaded_.skeleton->maps.guarded_ports));
  }
  absl::Status SetOwnAddresses(std::span<const belfry_address> addresses) override {
    return WriteOwnAddresses(addresses, Fd(loaded_.skeleton->maps.own_addresses));
  }
  absl::Status SetOrders(std::span<const GuardOrders> orders) override;
  absl::Status SetRuleSettings(const belfry_rule_settings& settings) override;
  absl::Status SetServers(std::span<const GuardServer> servers) override {
    return WriteServers(servers, Fd(loaded_.skeleton->maps.servers));
  }
  absl::Status SignOfLife() override;
  absl::Status Taint(uint64_t cookie, uint32_t bits) override { return records_->Taint(cookie, bits); }
  absl::Status Insert(uint64_t cookie, const belfry_connection& record) override {
    return records_->Insert(cookie, record);
  }
  absl::Status Forget(uint64_t cookie) override { return records_->Forget(cookie); }
  absl::Status RetireOthers() override;

  std::vector<ProgramCounters> Counters() override;
  const std::string& BackendName() const override { return name_; }
  const std::vector<std::string>& StepsDown() const override { return steps_down_; }
  bool RefusesUse() const override { return chosen_.refuses_use; }
  uint32_t BlindTo() const override { return chosen_.blind_to | UnseenHere(chosen_.backend); }

 private:
  absl::StatusOr<belfry_settings> Settings() const;
  absl::Status SetSettings(const belfry_settings& settings) const;
  absl::Status SetGuards(std::span<const GuardOrders> orders) const;
  ProgramCounters CountersOf(belfry_program program, const char* name) const;
  uint64_t Missed(const Hook& hook) const;
  int Fd(const bpf_map* map) const { return bpf_map__fd(map); }

  Loaded loaded_;
  absl::flat_hash_map<std::string, kit::OwnedFd> programs_;  // of the links, by the hook's name
  const Candidate chosen_;
  const bool refuse_splice_;
  const std::string name_;
  const std::vector<std::string> steps_down_;
  Snapshot snapshot_;
  std::string bpffs_;  // empty: nothing is pinned
  std::optional<std::set<uint64_t>> policies_;  // that guards name; before the first orders, what an earlier daemon left
  std::unique_ptr<Ring> ring_;
  std::unique_ptr<Records> records_;
};

absl::StatusOr<belfry_settings> BpfKernel::Settings() const {
  const uint32_t zero = 0;
  belfry_settings settings = {};
  if (bpf_map_lookup_elem(Fd(loaded_.skeleton->maps.settings), &zero, &settings) == 0) return settings;
  return kit::ErrnoError("reading the map `settings`");
}

absl::Status BpfKernel::SetSettings(const belfry_settings& settings) const {
  const uint32_t zero = 0;
  if (bpf_map_update_elem(Fd(loaded_.skeleton->maps.settings), &zero, &settings, BPF_ANY) == 0) return absl::OkStatus();
  return kit::ErrnoError("writing the map `settings`");
}

absl::Status BpfKernel::Start(const BpfOptions& options) {
  if (options.pin) bpffs_ = options.bpffs;
  if (absl::Status s = snapshot_.SetReference(options.reference); !s.ok()) return s;
  absl::StatusOr<belfry_settings> settings = Settings();
  if (!settings.ok()) return settings.status();
  settings->daemon_tgid = snapshot_.OwnTgid();
  settings->alive_ns = kit::BootNs();
  if (settings->epoch == 0) {
    settings->epoch = 1;  // 0 marks a judgement that must not be kept
    if (getentropy(settings->name_secret, sizeof settings->name_secret) != 0) return kit::ErrnoError("drawing a secret for names");
  }
  if (absl::Status s = SetSettings(*settings); !s.ok()) return s;

  const belfry_bpf* skeleton = loaded_.skeleton.get();
  absl::StatusOr<std::unique_ptr<Ring>> ring =
      Ring::Open(Fd(skeleton->maps.events), [this](std::span<const std::byte> record) {
        if (records_) records_->Notice(*reinterpret_cast<const belfry_header*>(record.data()));
      });
  if (!ring.ok()) return ring.status();
  ring_ = *std::move(ring);
  absl::StatusOr<std::unique_ptr<Records>> records =
      Records::Open(loaded_.skeleton.get(), snapshot_, [this] { return ring_->Collect(); });
  if (!records.ok()) return records.status();
  records_ = *std::move(records);
  // What an earlier daemon left is known from the start.
  if (absl::StatusOr<std::vector<ConnectionEntry>> all = records_->All(); !all.ok()) return all.status();

  const bool continues = !loaded_.before.empty();
  if (absl::Status s = AttachHooks(chosen_.backend, options, loaded_); !s.ok()) return s;
  for (const auto& [hook, link] : loaded_.links) programs_[hook] = ProgramBehind(link.get());
  return loaded_.adopted || continues ? absl::OkStatus() : Backfill(snapshot_, Fd(skeleton->maps.processes));
}

std::optional<belfry_process> BpfKernel::Process(uint32_t tgid) {
  belfry_process process = {};
  if (bpf_map_lookup_elem(Fd(loaded_.skeleton->maps.processes), &tgid, &process) != 0) return std::nullopt;
  return process;
}

absl::StatusOr<belfry_live> BpfKernel::Live(uint32_t tgid) {
  // 0 would ask for everybody.
  const auto live = tgid == 0 ? std::vector<belfry_live>() : snapshot_.Live(tgid);
  if (!live.ok()) return live.status();
  if (live->empty()) return absl::NotFoundError(absl::StrCat("looking at pid ", tgid, ": there is no such process"));
  return live->front();
}

absl::Status BpfKernel::SetGuardedNames(std::span<const GuardedName> names) {
  const auto& maps = loaded_.skeleton->maps;
  absl::StatusOr<belfry_settings> settings = Settings();
  if (!settings.ok()) return settings.status();
  const NameSecret secret = {settings->name_secret[0], settings->name_secret[1]};
  if (absl::Status s = WriteGuardedNames(names, secret, Fd(maps.guarded_names), Fd(maps.guarded_files)); !s.ok()) return s;
  ++settings->epoch;
  return SetSettings(*settings);
}

absl::Status BpfKernel::SetOrders(std::span<const GuardOrders> orders) {
  const RuleMaps rules{.policies = Fd(loaded_.skeleton->maps.policies), .values = Fd(loaded_.skeleton->maps.rule_values)};
  std::set<uint64_t> numbers;
  for (const GuardOrders& one : orders) {
    if (one.rules == nullptr) continue;
    if (absl::Status s = rules.Write(*one.rules); !s.ok()) return s;
    numbers.insert(one.rules->number);
  }
  if (absl::Status s = SetGuards(orders); !s.ok()) return s;
  if (numbers != policies_) rules.DeleteAllBut(numbers);
  policies_ = std::move(numbers);
  return absl::OkStatus();
}

absl::Status BpfKernel::SetGuards(std::span<const GuardOrders> orders) const {
  const int fd = Fd(loaded_.skeleton->maps.guards);
  std::map<uint32_t, belfry_guard> wanted;
  for (const GuardOrders& one : orders) wanted[one.guard] = one.orders;
  for (uint32_t guard = 0; guard < BELFRY_GUARDS_MAX; ++guard) {
    belfry_guard now = {};
    if (bpf_map_lookup_elem(fd, &guard, &now) == 0 && memcmp(&now, &wanted[guard], sizeof now) == 0) continue;
    if (bpf_map_update_elem(fd, &guard, &wanted[guard], BPF_ANY) != 0) return kit::ErrnoError("writing the map `guards`");
  }
  return absl::OkStatus();
}

absl::Status BpfKernel::SetRuleSettings(const belfry_rule_settings& settings) {
  const uint32_t zero = 0;
  if (bpf_map_update_elem(Fd(loaded_.skeleton->maps.rule_settings), &zero, &settings, BPF_ANY) == 0) return absl::OkStatus();
  return kit::ErrnoError("writing the map `rule_settings`");
}

absl::Status BpfKernel::RetireOthers() {
  if (bpffs_.empty()) return absl::OkStatus();
  absl::StatusOr<Pins> pins = Pins::Open(bpffs_);
  return pins.ok() ? pins->RemoveOthers() : pins.status();
}

absl::Status BpfKernel::SignOfLife() {
  belfry_call call = {};
  return Call(loaded_.skeleton->progs.sign_of_life, call);
}

// What one of two skipped the other has seen, unless it skipped as many; one whose skips are not counted is no witness.
uint64_t BpfKernel::Missed(const Hook& hook) const {
  std::optional<uint64_t> least;
  for (const Hook& one : HooksOf(chosen_.backend, refuse_splice_)) {
    const auto program = programs_.find(one.name);
    if (!SeeTheSame(one, hook) || !CountsMissedRuns(one, ThisRelease()) || program == programs_.end()) continue;
    least = std::min(least.value_or(UINT64_MAX), MissedRuns(program->second.get()));
  }
  return least.value_or(0);
}

ProgramCounters BpfKernel::CountersOf(belfry_program program, const char* name) const {
  const uint32_t key = program;
  std::vector<belfry_counts> per_cpu(static_cast<size_t>(libbpf_num_possible_cpus()));
  belfry_counts sum = {};
  if (bpf_map_lookup_elem(Fd(loaded_.skeleton->maps.counters), &key, per_cpu.data()) == 0) {
    for (const belfry_counts& one : per_cpu) {
      for (int i = 0; i < BELFRY_COUNT_MAX; ++i) sum.count[i] += one.count[i];
    }
  }
  return {.name = name,
          .seen = sum.count[BELFRY_COUNT_SEEN],
          .sent = sum.count[BELFRY_COUNT_SENT],
          .ignored = sum.count[BELFRY_COUNT_IGNORED],
          .lost_ring = sum.count[BELFRY_COUNT_LOST_RING],
          .lost_map = sum.count[BELFRY_COUNT_LOST_MAP],
          .refused = sum.count[BELFRY_COUNT_REFUSED]};
}

std::vector<ProgramCounters> BpfKernel::Counters() {
  std::vector<ProgramCounters> all;
  // Parts of the program that records connects.
  ProgramCounters limit = CountersOf(BELFRY_PROGRAM_LIMIT, "limit"), rules = CountersOf(BELFRY_PROGRAM_RULES, "rules");
  for (const Hook& hook : HooksOf(chosen_.backend, refuse_splice_)) {
    ProgramCounters counters = CountersOf(hook.counters, hook.name);
    if (auto link = loaded_.links.find(hook.name); link != loaded_.links.end()) {
      counters.attached = IsAttached(link->second.get());
      counters.missed = Missed(hook);
    }
    if (hook.counters == BELFRY_PROGRAM_PIN || hook.counters == BELFRY_PROGRAM_DATA_READY)
      limit.attached = rules.attached = counters.attached;
    all.push_back(std::move(counters));
  }
  all.push_back(std::move(limit));
  all.push_back(std::move(rules));
  return all;
}

}  // namespace

absl::StatusOr<Opened> OpenKernel(const BpfOptions& options) {
  std::vector<std::string> steps_down;
  absl::Status last;
  for (const Candidate& candidate : Candidates()) {
    const std::string missing = candidate.missing();
    absl::StatusOr<Loaded> loaded = missing.empty() ? Load(candidate.backend, options) : absl::UnavailableError(missing);
    if (!loaded.ok()) {
      last = loaded.status();
      steps_down.push_back(absl::StrCat(NameOf(candidate.backend), ": ", last.message()));
      continue;
    }
    const bool adopted = loaded->adopted || !loaded->before.empty();
    auto kernel = std::make_unique<BpfKernel>(*std::move(loaded), candidate, options.refuse_splice, std::move(steps_down));
    if (absl::Status s = kernel->Start(options); !s.ok()) return s;
    return Opened{.kernel = std::move(kernel), .adopted = adopted};
  }
  return last;
}

}  // namespace belfry::kernel
