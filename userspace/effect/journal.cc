#include "effect/journal.h"

#include <time.h>

#include <cstdio>
#include <nlohmann/json.hpp>
#include <utility>

#include "kit/clock.h"
#include "kit/escape.h"

namespace belfry::effect {
namespace {

constexpr size_t kMessageBytes = 512;
constexpr size_t kPathBytes = 4096;

// ECS wants wall time; the kernel's records carry boot time.
std::string Timestamp(uint64_t boot_ns) {
  const uint64_t now = kit::BootNs();
  const uint64_t ago = boot_ns == 0 || boot_ns > now ? 0 : now - boot_ns;
  const uint64_t wall = kit::RealNs() - ago;
  const time_t seconds = static_cast<time_t>(wall / kit::kSecondNs);
  tm parts{};
  gmtime_r(&seconds, &parts);
  char text[40], line[64];
  strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts);
  snprintf(line, sizeof line, "%s.%06uZ", text, static_cast<unsigned>(wall % kit::kSecondNs / 1000));
  return line;
}

}  // namespace

std::string ToJson(const Entry& entry) {
  nlohmann::ordered_json line{{"schema", 1}, {"@timestamp", Timestamp(entry.time_ns)}};
  line["event"]["action"] = entry.action;
  if (!entry.outcome.empty()) line["event"]["outcome"] = entry.outcome;
  if (!entry.reasons.empty()) line["event"]["reason"] = entry.reasons;
  if (!entry.message.empty()) line["message"] = kit::Escape(entry.message, kMessageBytes);
  if (entry.pid != 0) line["process"]["pid"] = entry.pid;
  if (!entry.comm.empty()) line["process"]["name"] = kit::Escape(entry.comm);
  if (!entry.path.empty()) line["process"]["executable"] = kit::Escape(entry.path, kPathBytes);
  if (entry.uid) line["user"]["id"] = std::to_string(*entry.uid);
  if (!entry.guard.empty()) line["belfry"]["guard"] = entry.guard;
  if (!entry.mode.empty()) line["belfry"]["mode"] = entry.mode;
  if (entry.cookie != 0) line["belfry"]["connection"] = entry.cookie;
  if (entry.pid_start_ns != 0) line["belfry"]["start_ns"] = entry.pid_start_ns;
  return line.dump();
}

void Journal::Write(const Entry& entry) {
  ++written_;
  if (followers_.empty()) return;
  const std::string line = ToJson(entry);
  followers_.remove_if([&](const Follower& follower) {
    if (!follower.everything && entry.guard.empty()) return false;
    if (follower.line(line)) return false;
    follower.ended(absl::CancelledError("following: the reader has left or was too slow; follow again"));
    return true;
  });
}

void Journal::Follow(Follower follower) { followers_.push_back(std::move(follower)); }

void Journal::Prune() {
  followers_.remove_if([](const Follower& follower) {
    if (!follower.cancelled()) return false;
    follower.ended(absl::CancelledError("following: the reader has left"));
    return true;
  });
}

void Journal::Close() {
  for (const Follower& follower : std::exchange(followers_, {}))
    follower.ended(absl::UnavailableError("following: belfryd is stopping; follow again when it is back"));
}

}  // namespace belfry::effect
