#include "engine/cuts.h"

#include <sys/epoll.h>

#include <algorithm>
#include <iterator>
#include <random>
#include <utility>

#include "engine/gather_facts.h"

namespace belfry::engine {
namespace {

// A stand-in key is the only trace of its socket; without the socket it means nothing.
constexpr int kTriesOfNoCookie = 5;

}  // namespace

// Counts down the answers of one call of Now.
struct Cuts::Batch {
  size_t open = 0;
  std::function<void()> done;
  void Answered() {
    if (--open == 0) done();
  }
};

Cuts::Cuts(Loop& loop, kernel::Kernel& kernel, effect::Cutter& cutter, effect::Journal& journal, Guards& guards)
    : loop_(loop), kernel_(kernel), cutter_(cutter), journal_(journal), guards_(guards) {
  if (cutter_.Fd() >= 0) loop_.Watch(cutter_.Fd(), EPOLLIN, [this](uint32_t) { cutter_.Ready(); }).IgnoreError();
}

Cuts::~Cuts() {
  *alive_ = false;
  loop_.Cancel(retry_);
  if (cutter_.Fd() >= 0) loop_.Unwatch(cutter_.Fd());
}

void Cuts::Now(uint32_t guard, const std::vector<uint64_t>& keys, const std::string& why, std::function<void()> done) {
  std::vector<Order> orders;
  for (const uint64_t key : keys) orders.push_back({.guard = guard, .key = key, .why = why});
  Now(orders, std::move(done));
}

void Cuts::Now(const std::vector<Order>& orders, std::function<void()> done) {
  std::set<uint64_t> open;
  bool any_new = false;
  for (const Order& order : orders) {
    if (ended_.contains(order.key) || KnownGone(order.key)) continue;
    any_new |= pending_.try_emplace(order.key, Pending{.guard = order.guard, .why = order.why}).second;
    open.insert(order.key);
  }
  // Not held up by what has long been waiting.
  if (any_new && retry_after_ != kRetry) {
    retry_after_ = kRetry;
    loop_.Cancel(std::exchange(retry_, 0));
    RetryLater();
  }
  Try({open.begin(), open.end()}, std::move(done));
}

void Cuts::Spread(uint32_t guard, const std::vector<uint64_t>& keys, const std::string& why,
                  std::chrono::milliseconds apart) {
  std::minstd_rand random(std::random_device{}());
  std::vector<uint64_t> order = keys;
  std::shuffle(order.begin(), order.end(), random);
  std::uniform_int_distribution<int64_t> jitter(0, apart.count());
  for (size_t i = 0; i < order.size(); ++i) {
    const auto delay = apart * static_cast<int64_t>(i) + std::chrono::milliseconds(jitter(random));
    loop_.After(delay, [this, alive = alive_, guard, key = order[i], why] {
      if (*alive) Now(guard, {key}, why, [] {});
    });
  }
}

void Cuts::Try(const std::vector<uint64_t>& keys, std::function<void()> done) {
  auto batch = std::make_shared<Batch>(Batch{.open = 1, .done = std::move(done)});
  const auto sockets = keys.empty() ? std::vector<belfry_socket>() : kernel_.Sockets(0);
  std::map<uint64_t, const belfry_socket*> ends;
  if (sockets.ok())
    for (const belfry_socket& socket : *sockets)
      if (socket.end == BELFRY_END_SERVER) ends.emplace(KeyOf(socket), &socket);
  for (const uint64_t key : keys) {
    const auto at = ends.find(key);
    if (at == ends.end()) {
      Settled(key, absl::NotFoundError("no server's end"));
      continue;
    }
    ++batch->open;
    const belfry_socket& end = *at->second;
    cutter_.Cut({.tgid = end.holder_tgid, .fd = static_cast<int32_t>(end.fd), .sock_inode = end.sock_inode},
                [this, alive = alive_, batch, key](const absl::Status& result) {
                  if (*alive) Settled(key, result);
                  batch->Answered();
                });
  }
  batch->Answered();
}

// One without a record may well be served: only a walk can tell.
bool Cuts::KnownGone(uint64_t key) {
  const auto entry = kernel_.Examine(key);
  return entry && !entry->alive;
}

// After a walk that did not find it.
bool Cuts::Gone(uint64_t key) {
  const auto entry = kernel_.Examine(key);
  if (entry) return !entry->alive;
  return (key & kNoCookie) == 0 || pending_.at(key).tries >= kTriesOfNoCookie;
}

void Cuts::Settled(uint64_t key, const absl::Status& result) {
  const auto at = pending_.find(key);
  if (at == pending_.end()) return;
  ++at->second.tries;
  if (!result.ok() && !Gone(key)) return RetryLater();
  const Pending pending = at->second;
  pending_.erase(at);
  if (result.ok() && (key & kNoCookie) == 0) ended_.insert(key);
  Guard* guard = guards_.ByNumber(pending.guard);
  if (!result.ok() || guard == nullptr) return;
  ++guard->tally.cut;
  effect::Entry entry{.action = "cut", .outcome = "success", .guard = guard->name(), .reasons = {pending.why},
                      .cookie = (key & kNoCookie) == 0 ? key : 0};
  if (const auto record = kernel_.Connection(key)) entry.pid = record->opener.tgid;
  journal_.Write(entry);
}

void Cuts::RetryLater() {
  if (retry_ != 0) return;
  retry_ = loop_.After(retry_after_, [this] {
    retry_ = 0;
    retry_after_ = std::min(2 * retry_after_, kLongestRetry);
    std::erase_if(pending_, [this](const auto& one) { return KnownGone(one.first); });
    std::vector<uint64_t> keys;
    for (const auto& [key, pending] : pending_) keys.push_back(key);
    Try(keys, [] {});
  });
}

}  // namespace belfry::engine
