// What happened, told to whoever follows. Nobody waits for a follower: each bounds its own queue and takes no line when
// that is full; how many it missed is the first thing it is told when there is room again ("dropped").
// Not thread-safe: owned by the loop thread.
#ifndef BELFRY_EFFECT_JOURNAL_H_
#define BELFRY_EFFECT_JOURNAL_H_

#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "effect/entry.h"
#include "kit/urgency.h"

namespace belfry::effect {

// An entry on its way to followers; its JSON is made once, if anybody wants it.
class Line {
 public:
  explicit Line(Entry entry) : entry_(std::make_shared<const Entry>(std::move(entry))) {}
  const Entry& entry() const { return *entry_; }
  const std::shared_ptr<const Entry>& shared() const { return entry_; }
  const std::string& json() const;
  kit::Urgency urgency() const;

 private:
  const std::shared_ptr<const Entry> entry_;
  mutable std::optional<std::string> json_;
};

struct Follower {
  bool everything = false;                // also what concerns no guard
  bool closings = false;                  // also that a connection was found to be gone ("closed")
  std::function<bool(const Line&)> take;  // false: no room
  std::function<bool()> cancelled;
  std::function<void(absl::Status)> ended;  // once, last
  std::function<void(uint64_t)> untold;     // before that: how many lines it missed and was not told of; may be empty
  uint64_t dropped = 0, dropped_connects = 0;  // not told yet
};

class Journal {
 public:
  ~Journal() { Close(); }
  // Completes what is written: called once for each entry, and only if somebody follows.
  void CompleteBy(std::function<void(Entry&)> complete) { complete_ = std::move(complete); }
  // Violations, whether or not somebody follows: `concerns` is asked of each entry and must be cheap.
  void AlarmBy(std::function<bool(const Entry&)> concerns, std::function<void(const Entry&)> alarm) {
    concerns_ = std::move(concerns);
    alarm_ = std::move(alarm);
  }
  bool alarmed() const { return alarm_ != nullptr; }
  void Write(Entry entry);
  // Does anybody read? What costs to find out need not be found out otherwise.
  bool followed() const { return !followers_.empty(); }
  bool closings_wanted() const;
  void Follow(Follower follower);
  // Lets go of who has left; tells the others what they missed, as soon as they have room.
  void Prune();
  void Close();  // ends everyone
  uint64_t written() const { return written_; }

 private:
  static bool Settle(Follower& follower);
  static void End(Follower& follower, const absl::Status& why);

  std::function<void(Entry&)> complete_;
  std::function<bool(const Entry&)> concerns_;
  std::function<void(const Entry&)> alarm_;
  std::list<Follower> followers_;
  uint64_t written_ = 0;
};

}  // namespace belfry::effect

#endif  // BELFRY_EFFECT_JOURNAL_H_
