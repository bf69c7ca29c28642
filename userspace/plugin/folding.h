// What repeats itself is said once a minute: one line per process and reason, with how often it happened since.
//
// Pure but for its own table; thread-safe. Limit: 1,024 pairs remembered, the one said longest ago is forgotten first
// (it is then said again: never lost, at most said twice).
#ifndef BELFRY_PLUGIN_FOLDING_H_
#define BELFRY_PLUGIN_FOLDING_H_

#include <chrono>
#include <cstdint>
#include <list>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

namespace belfry::plugin {

class Folding {
 public:
  using Clock = std::chrono::steady_clock;
  static constexpr auto kPeriod = std::chrono::seconds(60);
  static constexpr size_t kPairs = 1024;

  // nullopt: keep quiet, it was counted. Else: say it, this many stayed unsaid since the last time.
  std::optional<uint64_t> Say(int64_t pid, const std::string& reason, Clock::time_point now);

 private:
  using Key = std::pair<int64_t, std::string>;
  struct Said {
    Clock::time_point at;
    uint64_t unsaid = 0;
    std::list<Key>::iterator age;  // in oldest_
  };

  std::mutex mutex_;
  std::map<Key, Said> said_;
  std::list<Key> oldest_;  // said longest ago first
};

}  // namespace belfry::plugin

#endif  // BELFRY_PLUGIN_FOLDING_H_
