#include "kernel/opener_index.h"

#include <algorithm>

namespace belfry::kernel {
namespace {

uint64_t Read(const uint64_t* made, uint32_t bucket) { return __atomic_load_n(made + bucket, __ATOMIC_ACQUIRE); }

uint32_t BucketOf(uint32_t tgid) { return tgid & (BELFRY_MADE_BUCKETS - 1); }

}  // namespace

void OpenerIndex::Restart() {
  for (uint32_t bucket = 0; bucket < BELFRY_MADE_BUCKETS; ++bucket) counted_[bucket] = Read(made_, bucket);
  openers_.clear();
  cookies_.clear();
}

void OpenerIndex::Found(uint64_t cookie, uint32_t tgid) {
  if (openers_.emplace(cookie, tgid).second) cookies_[tgid].insert(cookie);
}

void OpenerIndex::Told(uint64_t cookie, uint32_t tgid) {
  if (forgotten_.contains(cookie) || openers_.contains(cookie)) return;
  ++counted_[BucketOf(tgid)];
  Found(cookie, tgid);
}

void OpenerIndex::Forgotten(uint64_t cookie) {
  auto opener = openers_.find(cookie);
  if (opener != openers_.end()) {
    auto list = cookies_.find(opener->second);
    list->second.erase(cookie);
    if (list->second.empty()) cookies_.erase(list);
    openers_.erase(opener);
  }
  if (!forgotten_.insert(cookie).second) return;
  forgotten_order_.push_back(cookie);
  if (forgotten_order_.size() <= kRemembered) return;
  forgotten_.erase(forgotten_order_.front());
  forgotten_order_.pop_front();
}

bool OpenerIndex::Complete(uint32_t tgid) const {
  const uint32_t bucket = BucketOf(tgid);
  return counted_[bucket] == Read(made_, bucket);
}

std::vector<uint64_t> OpenerIndex::Of(uint32_t tgid) const {
  auto list = cookies_.find(tgid);
  if (list == cookies_.end()) return {};
  std::vector<uint64_t> cookies(list->second.begin(), list->second.end());
  std::sort(cookies.begin(), cookies.end());
  return cookies;
}

}  // namespace belfry::kernel
