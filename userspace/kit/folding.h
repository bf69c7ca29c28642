// What repeats itself is said once a minute: at once the first time, then with how often it happened since.
//
// Pure but for its own table; thread-safe. Limit: 1,024 keys remembered, the one said longest ago is forgotten first
// (it is then said again: never lost, at most said twice; what it had not said is counted in `forgotten`).
#ifndef BELFRY_KIT_FOLDING_H_
#define BELFRY_KIT_FOLDING_H_

#include <chrono>
#include <cstdint>
#include <list>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace belfry::kit {

class Folding {
 public:
  using Clock = std::chrono::steady_clock;
  static constexpr auto kPeriod = std::chrono::seconds(60);
  static constexpr size_t kKeys = 1024;

  // nullopt: keep quiet, it was counted. Else: say it, this many stayed unsaid since the last time.
  std::optional<uint64_t> Say(const std::string& key, Clock::time_point now);

  // Whose minute is over with something unsaid, for who cannot wait until it happens again; counts as said.
  struct Unsaid {
    std::string key;
    uint64_t times = 0;
  };
  std::vector<Unsaid> Due(Clock::time_point now);
  uint64_t TakeForgotten();

 private:
  struct Said {
    Clock::time_point at;
    uint64_t unsaid = 0;
    std::list<std::string>::iterator age;  // in oldest_
  };

  std::mutex mutex_;
  std::map<std::string, Said> said_;
  std::list<std::string> oldest_;  // said longest ago first
  uint64_t forgotten_ = 0;
};

}  // namespace belfry::kit

#endif  // BELFRY_KIT_FOLDING_H_
