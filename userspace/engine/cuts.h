// Connections that must end: finds the server's end of each, has it cut, and does not forget one until it is gone.
//
// A connection that nobody has accepted yet is in no table and cannot be cut; it is tried again, ever more rarely, until
// it can be, or is gone. The guard's own branch is never cut. Loop thread only.
#ifndef BELFRY_ENGINE_CUTS_H_
#define BELFRY_ENGINE_CUTS_H_

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "belfry/wire.h"
#include "effect/cutter.h"
#include "effect/journal.h"
#include "engine/guard.h"
#include "engine/loop.h"
#include "kernel/kernel.h"

namespace belfry::engine {

class Cuts {
 public:
  static constexpr std::chrono::milliseconds kRetry{100}, kLongestRetry{6400};  // doubled from one to the other

  Cuts(Loop& loop, kernel::Kernel& kernel, effect::Cutter& cutter, effect::Journal& journal, Guards& guards);
  ~Cuts();

  struct Order {
    uint32_t guard = 0;
    uint64_t key = 0;
    std::string why;  // for the journal
  };

  // Cuts now, with at most one walk over the descriptor tables for all of them, and none if all are gone already;
  // `done` comes when every one of them has been tried once (also if there is none).
  // Keys are client cookies, or the stand-ins of gather_facts.h.
  void Now(const std::vector<Order>& orders, std::function<void()> done);
  void Now(uint32_t guard, const std::vector<uint64_t>& keys, const std::string& why, std::function<void()> done);
  // The same, spread: one every `apart`, in an order and at moments that clients cannot fall into step with.
  void Spread(uint32_t guard, const std::vector<uint64_t>& keys, const std::string& why,
              std::chrono::milliseconds apart);
  // Connections that were shut down: nothing flows on them any more, whoever keeps a descriptor. Never a stand-in key.
  const std::set<uint64_t>& ended() const { return ended_; }
  void Forget(uint64_t cookie) { ended_.erase(cookie); }

 private:
  struct Batch;
  using Waiting = std::vector<std::shared_ptr<Batch>>;
  struct Pending {
    uint32_t guard = 0;
    std::string why;
    int tries = 0;
    bool done = false;  // it was cut; whether anybody lost it is not known yet, for kTriesOfClosing at most
    // Who waits for the cutter's answer; null: it was not asked. Until the answer is here this one is not forgotten, though
    // its socket be gone: it may be gone because of us, and that is counted.
    std::shared_ptr<Waiting> waiting;
  };

  void Try(const std::vector<uint64_t>& keys, std::function<void()> done);
  void Ask(uint64_t key, const belfry_socket& end, std::shared_ptr<Batch> batch);
  void Settled(uint64_t key, const absl::Status& result);
  bool TookFromNobody(uint64_t key, const std::string& why);
  bool IsClosing(uint64_t key, const std::string& why);
  void LookForOthers();
  bool Gone(uint64_t key);
  bool KnownGone(uint64_t key);
  void RetryLater();

  Loop& loop_;
  kernel::Kernel& kernel_;
  effect::Cutter& cutter_;
  effect::Journal& journal_;
  Guards& guards_;
  std::map<uint64_t, Pending> pending_;
  std::set<uint64_t> others_;  // keys that somebody besides the opener was seen to hold, at the last retry
  std::set<uint64_t> ended_;  // until their records are forgotten
  Loop::TimerId retry_ = 0;
  std::chrono::milliseconds retry_after_ = kRetry;  // of the next retry; short again for whatever is new
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  // for answers that come after us
};

}  // namespace belfry::engine

#endif  // BELFRY_ENGINE_CUTS_H_
