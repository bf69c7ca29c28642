#include "engine/listeners.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "kit/clock.h"
#include "kit/escape.h"

namespace belfry::engine {
namespace {

bool SamePin(const belfry_pin& a, const belfry_pin& b) { return SameProcess(a, b) && a.exec_id == b.exec_id; }

// Since systemd 255 it executes this first.
constexpr std::string_view kExecutor = "/usr/lib/systemd/systemd-executor";
constexpr uint64_t kStartsWithin = 60 * kit::kSecondNs;

}  // namespace

bool Listeners::IsStarting(const belfry_live& holder, const belfry_live& init, std::string_view path, uint64_t now_ns) {
  if (holder.parent_tgid != init.pin.tgid || now_ns - holder.pin.start_ns > kStartsWithin) return false;
  if (holder.pin.exec_id == init.pin.exec_id) return holder.exe.ino == init.exe.ino && holder.exe.dev == init.exe.dev;
  return holder.pin.exec_id == init.pin.exec_id + 1 && path == kExecutor;
}

void Listeners::Scan(std::function<void()> done) {
  if (scanning_) {
    waiting_for_next_.push_back(std::move(done));
    return;
  }
  scanning_ = true;
  somebody_starts_ = false;
  waiting_.push_back(std::move(done));
  const std::vector<Candidate> candidates = Candidates();
  LetGo(candidates);
  auto open = std::make_shared<size_t>(1);
  const auto one_done = [this, alive = alive_, open] {
    if (--*open == 0 && *alive) Finished();
  };
  for (const Candidate& candidate : candidates) {
    ++*open;
    Judge(candidate, one_done);
  }
  one_done();
}

void Listeners::Finished() {
  scanning_ = false;
  TellKernel();
  for (const auto& done : std::exchange(waiting_, {})) done();
  auto next = std::exchange(waiting_for_next_, {});
  if (next.empty()) return;
  // One more look for all of them, however many they are.
  Scan([next = std::move(next)] {
    for (const auto& done : next) done();
  });
}

void Listeners::TellKernel() {
  std::vector<kernel::GuardServer> servers;
  for (const Guard& guard : guards_.all())
    for (const Listener& listener : guard.listeners) servers.push_back({.guard = guard.number, .server = listener.pin});
  if (absl::Status status = kernel_.SetServers(servers); !status.ok()) log_.Warning(std::string(status.message()));
}

std::vector<Listeners::Candidate> Listeners::Candidates() {
  const auto sockets = kernel_.Sockets(0);
  if (!sockets.ok()) {
    log_.Warning(std::string(sockets.status().message()));
    return {};
  }
  std::vector<Candidate> found;
  for (const belfry_socket& socket : *sockets) {
    const Guard* guard = socket.end == BELFRY_END_LISTENER ? guards_.ByNumber(socket.guard) : nullptr;
    if (guard == nullptr) continue;
    const auto live = kernel_.Live(socket.holder_tgid);
    if (!live.ok() || live->pin.start_ns != socket.holder_start_ns) continue;
    const bool listened = socket.holder_tgid == socket.peercred_tgid;
    // A child's copy is no listener of its own; under socket activation everybody's is a copy of PID 1's.
    const bool activated = guard->config.listener.activated_by_systemd;
    if (activated ? socket.holder_tgid == 1 : !listened) continue;
    const bool known = std::any_of(found.begin(), found.end(), [&](const Candidate& candidate) {
      return candidate.guard == guard->number && SameProcess(candidate.pin, live->pin);
    });
    if (known) continue;
    const auto process = kernel_.Process(socket.holder_tgid);
    const bool seen = process && SamePin(process->pin, live->pin) && !(process->image_flags & BELFRY_IMAGE_BACKFILLED);
    found.push_back({.guard = guard->number,
                     .pin = live->pin,
                     .uid = live->creds.euid,
                     .image = seen ? process->image : live->exe,
                     .listened = listened});
  }
  return found;
}

void Listeners::LetGo(const std::vector<Candidate>& holders) {
  for (Guard& guard : guards_.all()) {
    const auto holds = [&](const belfry_pin& pin) {
      return std::any_of(holders.begin(), holders.end(), [&](const Candidate& candidate) {
        return candidate.guard == guard.number && SamePin(candidate.pin, pin);
      });
    };
    std::erase_if(guard.listeners, [&](const Listener& listener) { return !holds(listener.pin); });
    const bool any_stranger = std::any_of(holders.begin(), holders.end(), [&](const Candidate& candidate) {
      return candidate.guard == guard.number && guard.impostors.contains(candidate.pin.tgid);
    });
    if (!any_stranger) {
      guard.impostor.clear();
      guard.impostors.clear();
    }
  }
}

void Listeners::Judge(const Candidate& candidate, std::function<void()> done) {
  const Guard* guard = guards_.ByNumber(candidate.guard);
  const ListenerRule& rule = guard->config.listener;
  const bool enrolled = std::any_of(guard->listeners.begin(), guard->listeners.end(),
                                    [&](const Listener& listener) { return SamePin(listener.pin, candidate.pin); });
  if (enrolled) return done();
  // An agent may run in a container: its executable is named in its own root. Not in one that a user made.
  reader_.Start(candidate.pin.tgid, candidate.uid, candidate.image,
                {.path = true, .tolerated_place = BELFRY_PLACE_MNTNS_FOREIGN},
                [this, alive = alive_, candidate, rule, done = std::move(done)](const Read& read) {
                  if (!*alive) return;
                  const std::string path = read.path.value_or("");
                  std::string against;
                  if (!rule.exe.empty() && path != rule.exe)
                    against = absl::StrCat("runs ", path.empty() ? "an unknown file" : kit::Escape(path), ", not ",
                                           kit::Escape(rule.exe));
                  else if (rule.uid && candidate.uid != *rule.uid)
                    against = absl::StrCat("has uid ", candidate.uid, ", not ", *rule.uid);
                  Settle(candidate, path, against);
                  done();
                });
}

void Listeners::Settle(const Candidate& candidate, const std::string& path, const std::string& against) {
  Guard* guard = guards_.ByNumber(candidate.guard);
  const auto live = kernel_.Live(candidate.pin.tgid);
  // Compared after the read too: the path was this process's, and this image's.
  if (guard == nullptr || !live.ok() || !SamePin(live->pin, candidate.pin)) return;
  effect::Entry entry{.guard = guard->name(), .pid = candidate.pin.tgid, .pid_start_ns = candidate.pin.start_ns,
                      .uid = candidate.uid, .path = path};
  if (against.empty()) {
    std::erase_if(guard->listeners, [&](const Listener& one) { return SameProcess(one.pin, candidate.pin); });
    guard->listeners.push_back({candidate.pin, path});
    entry.action = "listener_enrolled";
    log_.Info(absl::StrCat("guard ", guard->name(), ": served by pid ", candidate.pin.tgid, " ", kit::Escape(path)));
  } else {
    const auto init = guard->config.listener.activated_by_systemd ? kernel_.Live(1) : absl::NotFoundError("");
    if (init.ok() && IsStarting(*live, *init, path, kit::BootNs())) {
      somebody_starts_ = true;
      return;
    }
    if (!guard->impostors.insert(candidate.pin.tgid).second) return;
    guard->impostor = absl::StrCat("pid ", candidate.pin.tgid, " ", against);
    entry.action = "impostor_listener";
    entry.outcome = "failure";
    entry.message = guard->impostor;
    log_.Warning(absl::StrCat("guard ", guard->name(), ": impostor_listener: ", guard->impostor,
                              "; it is not enrolled; stop it, or correct the guard's listener rule"));
  }
  journal_.Write(entry);
}

}  // namespace belfry::engine
