// What a limit remembers, for how long, and what is told of it; and who is not counted for want of room.
#include <algorithm>

#include "kernel/limited.h"

namespace belfry::kernel {
namespace {

TEST_F(LimitRefusal, AnotherLimitBeginsAnewTheSameDoesNot) {
  const belfry_limit limit = LimitOf(BELFRY_PER_UID, 1);
  Order(BELFRY_MODE_DENY, limit);
  EXPECT_EQ(Connects(2), (Ints{0, EAGAIN}));
  Order(BELFRY_MODE_OBSERVE, limit);
  Order(BELFRY_MODE_DENY, limit);
  EXPECT_EQ(Connects(1), (Ints{EAGAIN}));
  Order(BELFRY_MODE_DENY, LimitOf(BELFRY_PER_UID, 2));
  EXPECT_EQ(Connects(3), (Ints{0, 0, EAGAIN}));
}

TEST_F(LimitRefusal, WhoIsRefusedIsToldThoughItWasToldThatItPassed) {
  for (const uint32_t mode : {BELFRY_MODE_WARN, BELFRY_MODE_DENY}) {
    Order(mode, LimitOf(BELFRY_PER_UID, 1));
    Connects(3);
    const auto told = Told();
    ASSERT_EQ(told.size(), 1u);
    EXPECT_EQ(told[0].refused, mode == BELFRY_MODE_DENY ? 1u : 0u);
    EXPECT_EQ(told[0].times, mode == BELFRY_MODE_DENY ? 2u : 1u) << "with the one that was not told";
  }
}

TEST_F(LimitRefusal, HalfOfALimitIsNone) {
  belfry_limit limit = LimitOf(BELFRY_PER_UID, 1);
  limit.burst_ns -= 1;
  Order(BELFRY_MODE_DENY, limit);
  EXPECT_EQ(Connects(2), (Ints{0, 0}));
}

TEST_F(LimitRefusal, ADaemonThatIsSilentForLongerThanItsGuardAllowsRefusesNoMore) {
  GuardOrders orders = OrdersOf(kGuard, BELFRY_MODE_DENY, LimitOf(BELFRY_PER_UID, 1));
  orders.orders.loss_ns = 1;
  Give({orders});
  EXPECT_EQ(Connects(2), (Ints{0, 0}));
  const auto told = Told();
  ASSERT_EQ(told.size(), 1u);
  EXPECT_EQ(told[0].refused, 0u);
}

// The only bucket here that fills up: the client goes on until it has.
TEST_F(LimitRefusal, WhoComesBackWithinItsLimitIsToldAnewWithWhatWasNot) {
  Order(BELFRY_MODE_DENY, LimitOf(BELFRY_PER_UID, 1, kHour / 3600));
  Actor client([&](const Actor::Stage& stage) {
    int passed = 0, refused = 0;
    for (int error = 0, before = 0; passed < 2 || before != 0 || error == 0; usleep(10'000)) {
      before = error;
      error = ConnectFd(socket(AF_UNIX, SOCK_STREAM, 0), guarded_);
      ++(error == 0 ? passed : refused);
    }
    stage.Say(refused);
  });
  const int refused = client.Hear();
  ASSERT_GT(refused, 1);
  uint32_t times = 0;
  const auto told = Told();
  for (const belfry_event_limited& one : told) times += one.times;
  EXPECT_GE(told.size(), 2u);
  EXPECT_EQ(times, static_cast<uint32_t>(refused));
}

class FewBuckets : public LimitRefusal {
 protected:
  static constexpr int kBuckets = 8;
  BpfOptions Options() override {
    BpfOptions options = LimitRefusal::Options();
    options.max_buckets = kBuckets;
    return options;
  }
  // One connect each, of as many uids.
  Ints EachOf(uint32_t from, int uids) {
    Ints errors;
    for (int i = 0; i < uids; ++i) errors.push_back(Connects(1, As(from + static_cast<uint32_t>(i)))[0]);
    return errors;
  }
};

TEST_F(FewBuckets, WhoCannotBeCountedPassesOrNotAsTheGuardSaysAndThatIsCounted) {
  GuardOrders orders = OrdersOf(kGuard, BELFRY_MODE_DENY, LimitOf(BELFRY_PER_UID, 1));
  Give({orders});
  EXPECT_EQ(EachOf(1000, kBuckets), Ints(kBuckets, 0));
  EXPECT_EQ(Counted().lost_map, 0u);
  EXPECT_EQ(EachOf(2000, 2), (Ints{0, 0}));
  EXPECT_EQ(Counted().lost_map, 2u);
  orders.orders.flags = BELFRY_GUARD_FULL_REFUSES;
  Give({orders});
  EXPECT_EQ(EachOf(3000, 2), (Ints{EAGAIN, EAGAIN}));
  EXPECT_EQ(EachOf(1000, 1), (Ints{EAGAIN})) << "whoever is counted still is";
  EXPECT_EQ(Counted().lost_map, 4u);
  orders.orders.mode = BELFRY_MODE_WARN;
  Give({orders});
  EXPECT_EQ(EachOf(3000, 1), (Ints{0}));
}

TEST_F(FewBuckets, WhoseBucketIsWholeAgainLeavesItToOthers) {
  GuardOrders orders = OrdersOf(kGuard, BELFRY_MODE_DENY, LimitOf(BELFRY_PER_UID, 1, 1));
  orders.orders.flags = BELFRY_GUARD_FULL_REFUSES;
  Give({orders});
  EXPECT_EQ(EachOf(1000, 3 * kBuckets), Ints(3 * kBuckets, 0));
  EXPECT_EQ(Counted().lost_map, 0u);
}

// By what is told: over the limit only if those before are remembered.
using KeptLimit = Limited<PinnedKernel>;
TEST_F(KeptLimit, OutlivesTheDaemonAndAnUpgrade) {
  const belfry_limit limit = LimitOf(BELFRY_PER_UID, 2);
  Order(BELFRY_MODE_OBSERVE, limit);
  Connects(1);
  EXPECT_TRUE(Reopen());
  Order(BELFRY_MODE_OBSERVE, limit);
  Connects(1);
  EXPECT_TRUE(Told().empty());
  setenv("BELFRY_TEST_OBJECT", "another", 1);
  EXPECT_TRUE(Reopen());
  unsetenv("BELFRY_TEST_OBJECT");
  Order(BELFRY_MODE_OBSERVE, limit);
  Connects(1);
  EXPECT_EQ(Told().size(), 1u);
}

}  // namespace
}  // namespace belfry::kernel
