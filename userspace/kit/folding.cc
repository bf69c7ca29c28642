#include "kit/folding.h"

#include <iterator>
#include <utility>

namespace belfry::kit {

std::optional<uint64_t> Folding::Say(const std::string& key, Clock::time_point now) {
  const std::lock_guard lock(mutex_);
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
  if (said_.size() >= kKeys) {
    const auto oldest = said_.find(oldest_.front());
    forgotten_ += oldest->second.unsaid;
    said_.erase(oldest);
    oldest_.pop_front();
  }
  oldest_.push_back(key);
  said_.emplace(key, Said{now, 0, std::prev(oldest_.end())});
  return 0;
}

std::vector<Folding::Unsaid> Folding::Due(Clock::time_point now) {
  const std::lock_guard lock(mutex_);
  std::vector<Unsaid> due;
  for (auto& [key, said] : said_) {
    if (said.unsaid == 0 || now - said.at < kPeriod) continue;
    due.push_back({key, std::exchange(said.unsaid, 0)});
    said.at = now;
    oldest_.splice(oldest_.end(), oldest_, said.age);
  }
  return due;
}

uint64_t Folding::TakeForgotten() {
  const std::lock_guard lock(mutex_);
  return std::exchange(forgotten_, 0);
}

}  // namespace belfry::kit
