#include "plugin/folding.h"

#include <iterator>
#include <utility>

namespace belfry::plugin {

std::optional<uint64_t> Folding::Say(int64_t pid, const std::string& reason, Clock::time_point now) {
  const std::lock_guard lock(mutex_);
  const Key key(pid, reason);
  if (const auto found = said_.find(key); found != said_.end()) {
    Said& said = found->second;
    if (now - said.at < kPeriod) {
      ++said.unsaid;
      return std::nullopt;
    }
    said.at = now;
    oldest_.splice(oldest_.end(), oldest_, said.age);
    return std::exchange(said.unsaid, 0);
  }
  if (said_.size() >= kPairs) {
    said_.erase(oldest_.front());
    oldest_.pop_front();
  }
  oldest_.push_back(key);
  said_.emplace(key, Said{now, 0, std::prev(oldest_.end())});
  return 0;
}

}  // namespace belfry::plugin
