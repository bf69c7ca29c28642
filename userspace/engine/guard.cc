#include "engine/guard.h"

#include <algorithm>
#include <utility>

#include "evidence/decode.h"

namespace belfry::engine {
namespace {

constexpr size_t kWouldBeHitLimit = 64;

bool SameServing(const GuardConfig& a, const GuardConfig& b) {
  const auto same_path = [](const GuardedSocket& x, const GuardedSocket& y) { return x.path == y.path; };
  return a.listener.exe == b.listener.exe && a.listener.uid == b.listener.uid &&
         a.listener.activated_by_systemd == b.listener.activated_by_systemd &&
         std::equal(a.sockets.begin(), a.sockets.end(), b.sockets.begin(), b.sockets.end(), same_path);
}

}  // namespace

bool SameProcess(const belfry_pin& a, const belfry_pin& b) { return a.tgid == b.tgid && a.start_ns == b.start_ns; }

bool Guard::IsOwn(const belfry_pin& pin) const {
  return std::any_of(listeners.begin(), listeners.end(),
                     [&](const Listener& listener) { return SameProcess(listener.pin, pin); });
}

verdict::GuardPolicy Guard::PolicyNow() const {
  verdict::GuardPolicy policy = config.policy;
  policy.mode = mode;
  return policy;
}

void Tally::CountTaints(uint32_t bits) {
  for (size_t taint = 0; taint < taints.size(); ++taint) taints[taint] += (bits >> taint) & 1;
}

// A use that this version does not know comes from a newer kernel part.
void Tally::CountRefused(uint32_t use, uint64_t times) {
  if (use < refused.size()) refused[use] += times;
}

void Tally::CountWouldHit(const std::string& who, uint64_t now_ns) {
  last_would_withhold_ns = now_ns;
  if (would_be_hit.size() < kWouldBeHitLimit) would_be_hit.insert(who);
}

void Guard::CountVerdict(const std::vector<std::string>& reasons, const std::string& who, uint64_t now_ns) {
  if (reasons.empty()) {
    ++tally.sound;
    return;
  }
  ++tally.withheld;
  const bool denies = mode == verdict::Mode::kDeny;
  for (const std::string& reason : reasons) ++(denies ? tally.withheld_for : tally.would_withhold)[reason];
  if (!denies) tally.CountWouldHit(who, now_ns);
}

void Guard::CountLimited(uint64_t times, bool were_refused, const std::string& who, uint64_t now_ns) {
  if (were_refused) return tally.CountRefused(BELFRY_USE_LIMIT, times);
  tally.would_withhold[evidence::UseName(BELFRY_USE_LIMIT)] += times;
  tally.CountWouldHit(who, now_ns);
}

void Guards::Replace(std::vector<Guard> guards) {
  for (Guard& guard : guards) {
    Guard* before = ByNumber(guard.number);
    if (before == nullptr) continue;
    guard.tally = std::move(before->tally);
    guard.wants_digest = before->wants_digest;
    guard.compiled = before->compiled;
    if (SameServing(guard.config, before->config)) {  // else it is judged anew
      guard.listeners = std::move(before->listeners);
      guard.impostors = std::move(before->impostors);
      guard.impostor = std::move(before->impostor);
    }
  }
  guards_.assign(std::make_move_iterator(guards.begin()), std::make_move_iterator(guards.end()));
}

Guard* Guards::ByNumber(uint32_t number) {
  const auto at = std::find_if(guards_.begin(), guards_.end(), [&](const Guard& g) { return g.number == number; });
  return at == guards_.end() ? nullptr : &*at;
}

Guard* Guards::ByName(const std::string& name) {
  const auto at = std::find_if(guards_.begin(), guards_.end(), [&](const Guard& g) { return g.name() == name; });
  return at == guards_.end() ? nullptr : &*at;
}

}  // namespace belfry::engine
