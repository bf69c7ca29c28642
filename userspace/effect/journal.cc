#include "effect/journal.h"

#include <algorithm>

#include "effect/entry_json.h"
#include "kit/clock.h"

namespace belfry::effect {
namespace {

// One clock for all lines: those of one turn are in the kernel's order.
uint64_t WallNs(uint64_t boot_ns) {
  const uint64_t now = kit::BootNs();
  return kit::RealNs() - (boot_ns == 0 || boot_ns > now ? 0 : now - boot_ns);
}

bool Wants(const Follower& follower, const Entry& entry) {
  if (entry.action == "closed") return follower.closings;
  return follower.everything || !entry.guard.empty() || entry.action == "lost";
}

}  // namespace

const std::string& Line::json() const {
  if (!json_) json_ = ToJson(*entry_);
  return *json_;
}

kit::Urgency Line::urgency() const {
  if (entry_->action == "dropped") return kit::Urgency::kOfLosses;
  return entry_->violation || entry_->action == "lost" ? kit::Urgency::kUrgent : kit::Urgency::kOrdinary;
}

bool Journal::Settle(Follower& follower) {
  if (follower.dropped == 0) return true;
  const Line missed({.action = "dropped",
                     .outcome = "failure",
                     .wall_ns = kit::RealNs(),
                     .message = "the reader was too slow",
                     .count = follower.dropped,
                     .connects = follower.dropped_connects});
  if (!follower.take(missed)) return false;
  follower.dropped = follower.dropped_connects = 0;
  return true;
}

void Journal::End(Follower& follower, const absl::Status& why) {
  if (follower.untold) follower.untold(follower.dropped);
  follower.ended(why);
}

void Journal::Write(Entry entry) {
  ++written_;
  const bool alarms = alarm_ && concerns_(entry);
  if (followers_.empty() && !alarms) return;
  if (complete_) complete_(entry);
  if (alarms) alarm_(entry);
  if (entry.wall_ns == 0) entry.wall_ns = WallNs(entry.time_ns);
  const Line line(std::move(entry));
  for (Follower& follower : followers_) {
    if (!Wants(follower, line.entry())) continue;
    const bool in_order = Settle(follower) || line.urgency() == kit::Urgency::kUrgent;
    if (in_order && follower.take(line)) continue;
    ++follower.dropped;
    if (line.entry().action == "connect") ++follower.dropped_connects;
  }
}

bool Journal::closings_wanted() const {
  return std::any_of(followers_.begin(), followers_.end(), [](const Follower& follower) { return follower.closings; });
}

void Journal::Follow(Follower follower) { followers_.push_back(std::move(follower)); }

void Journal::Prune() {
  followers_.remove_if([](Follower& follower) {
    if (!follower.cancelled()) {
      Settle(follower);
      return false;
    }
    End(follower, absl::CancelledError("following: the reader has left"));
    return true;
  });
}

void Journal::Close() {
  for (Follower& follower : std::exchange(followers_, {})) {
    Settle(follower);
    End(follower, absl::UnavailableError("following: belfryd is stopping; follow again when it is back"));
  }
}

}  // namespace belfry::effect
