#include "engine/cuts.h"

#include <sys/epoll.h>

#include <algorithm>
#include <iterator>
#include <random>
#include <utility>

#include "engine/gather_facts.h"
#include "verdict/soundness.h"

namespace belfry::engine {
namespace {

// A stand-in key is the only trace of its socket; without the socket it means nothing.
constexpr int kTriesOfNoCookie = 5;
// Whoever is long about its end is taken at the word of its descriptor.
constexpr int kTriesOfClosing = 6;

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
  std::vector<uint64_t> unasked;
  for (const uint64_t key : keys) {
    const auto& waiting = pending_.at(key).waiting;
    if (pending_.at(key).done) {
      Settled(key, absl::OkStatus());
      continue;
    }
    if (waiting == nullptr) {
      unasked.push_back(key);
      continue;
    }
    ++batch->open;
    waiting->push_back(batch);
  }
  const auto sockets = unasked.empty() ? std::vector<belfry_socket>() : kernel_.Sockets(0);
  std::map<uint64_t, const belfry_socket*> ends;
  if (sockets.ok())
    for (const belfry_socket& socket : *sockets)
      if (socket.end == BELFRY_END_SERVER) ends.emplace(KeyOf(socket), &socket);
  for (const uint64_t key : unasked) {
    const auto at = ends.find(key);
    if (at == ends.end()) {
      Settled(key, absl::NotFoundError("no server's end"));
      continue;
    }
    ++batch->open;
    Ask(key, *at->second, batch);
  }
  batch->Answered();
}

void Cuts::Ask(uint64_t key, const belfry_socket& end, std::shared_ptr<Batch> batch) {
  auto waiting = std::make_shared<Waiting>(Waiting{std::move(batch)});
  pending_.at(key).waiting = waiting;
  cutter_.Cut({.tgid = end.holder_tgid, .fd = static_cast<int32_t>(end.fd), .sock_inode = end.sock_inode},
              [this, alive = alive_, key, waiting](const absl::Status& result) {
                if (*alive) {
                  pending_.at(key).waiting = nullptr;
                  Settled(key, result);
                }
                for (const auto& one : *waiting) one->Answered();
              });
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

// An exit is told before its descriptors are closed: whoever exits and leaves its end to nobody lost nothing.
bool Cuts::TookFromNobody(uint64_t key, const std::string& why) {
  if (why != verdict::TaintName(BELFRY_TAINT_OPENER_EXITED)) return false;
  const auto entry = kernel_.Examine(key);
  return entry && !entry->client_open;
}

bool Cuts::IsClosing(uint64_t key, const std::string& why) {
  if (why != verdict::TaintName(BELFRY_TAINT_OPENER_EXITED)) return false;
  const auto entry = kernel_.Examine(key);
  return entry && entry->closing;
}

// One walk for all. In the midst of closing its end an opener has no table any more; whoever else has it is seen there, or
// in a message. Not in an io_uring's table of files: such a cut is not counted if that one lets go within the tries, and has
// come to nothing.
void Cuts::LookForOthers() {
  others_.clear();
  std::vector<uint64_t> keys;
  for (const auto& [key, pending] : pending_)
    if (pending.done) keys.push_back(key);
  if (keys.empty()) return;
  const auto holders = kernel_.HoldersOf(keys);
  if (!holders.ok()) {
    others_.insert(keys.begin(), keys.end());
    return;
  }
  for (const belfry_socket& holder : *holders) {
    const auto record = kernel_.Connection(holder.cookie);
    if (holder.in_flight || !record || holder.holder_tgid != record->opener.tgid) others_.insert(holder.cookie);
  }
}

void Cuts::Settled(uint64_t key, const absl::Status& result) {
  const auto at = pending_.find(key);
  if (at == pending_.end()) return;
  ++at->second.tries;
  if (!result.ok() && !Gone(key)) return RetryLater();
  const bool done_before = at->second.done;
  if (done_before && !kernel_.Examine(key)) {  // its record went with its socket: nobody lost it
    pending_.erase(at);
    return;
  }
  if (result.ok() && !done_before && (key & kNoCookie) == 0) ended_.insert(key);
  at->second.done = result.ok() && at->second.tries < kTriesOfClosing && !others_.contains(key) && IsClosing(key, at->second.why);
  if (at->second.done) return RetryLater();
  const Pending pending = at->second;
  pending_.erase(at);
  Guard* guard = guards_.ByNumber(pending.guard);
  if (!result.ok() || guard == nullptr || TookFromNobody(key, pending.why)) return;
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
    std::erase_if(pending_, [this](const auto& one) { return one.second.waiting == nullptr && KnownGone(one.first); });
    std::vector<uint64_t> keys;
    for (const auto& [key, pending] : pending_) keys.push_back(key);
    LookForOthers();
    Try(keys, [] {});
  });
}

}  // namespace belfry::engine
