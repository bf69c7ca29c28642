// The arithmetic that the kernel part and userspace share, without a kernel.
#include <gtest/gtest.h>

#include <limits>

#include "belfry/limit.h"

namespace belfry::kernel {
namespace {

constexpr uint64_t kSecond = 1'000'000'000;
constexpr uint64_t kNow = 5 * kSecond;

belfry_limit Limit(uint64_t interval_ns, uint64_t burst) {
  belfry_limit limit = {.interval_ns = interval_ns, .burst_ns = interval_ns * burst, .per = BELFRY_PER_UID, .seal = 0};
  limit.seal = belfry_seal(&limit);
  return limit;
}

// How many connects at `now` a bucket takes; it is left as they leave it.
int Take(uint64_t& due_ns, uint64_t now_ns, const belfry_limit& limit) {
  for (int taken = 0;; ++taken) {
    const uint64_t next = belfry_due_after(due_ns, now_ns, &limit);
    if (next == 0) return taken;
    due_ns = next;
  }
}

TEST(LimitArithmetic, AFreshBucketTakesItsBurst) {
  for (const uint64_t burst : {1u, 2u, 50u}) {
    uint64_t due = 0;
    EXPECT_EQ(Take(due, kNow, Limit(kSecond, burst)), static_cast<int>(burst));
  }
}

TEST(LimitArithmetic, ThenOneEachInterval) {
  const belfry_limit limit = Limit(kSecond, 3);
  uint64_t due = 0;
  Take(due, kNow, limit);
  EXPECT_EQ(Take(due, kNow + kSecond - 1, limit), 0);
  EXPECT_EQ(Take(due, kNow + kSecond, limit), 1);
  EXPECT_EQ(Take(due, kNow + kSecond, limit), 0);
  EXPECT_EQ(Take(due, kNow + 3 * kSecond, limit), 2);
}

TEST(LimitArithmetic, NoMoreThanTheBurstIsSavedUp) {
  const belfry_limit limit = Limit(kSecond, 3);
  uint64_t due = 0;
  Take(due, kNow, limit);
  EXPECT_EQ(Take(due, kNow + 1000 * kSecond, limit), 3);
}

TEST(LimitArithmetic, WhoIsRefusedPaysNothing) {
  const belfry_limit limit = Limit(kSecond, 1);
  uint64_t due = 0;
  Take(due, kNow, limit);
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(belfry_due_after(due, kNow + i, &limit), 0u);
  EXPECT_NE(belfry_due_after(due, kNow + kSecond, &limit), 0u);
}

// A million at once and one an hour, in a machine that is up for a hundred years.
TEST(LimitArithmetic, TheLargestLimitFits) {
  const belfry_limit limit = Limit(3600 * kSecond, 1'000'000);
  const uint64_t century = 100ull * 366 * 24 * 3600 * kSecond;
  const uint64_t full = century + limit.burst_ns;
  EXPECT_EQ(belfry_due_after(full - limit.interval_ns, century, &limit), full);
  EXPECT_EQ(belfry_due_after(full, century, &limit), 0u);
}

TEST(LimitArithmetic, EveryFieldIsInTheSeal) {
  const belfry_limit limit = Limit(kSecond, 3);
  belfry_limit other = limit;
  EXPECT_EQ(belfry_seal(&other), limit.seal);
  other.per = BELFRY_PER_EXE;
  EXPECT_NE(belfry_seal(&other), limit.seal);
  other = limit;
  ++other.interval_ns;
  EXPECT_NE(belfry_seal(&other), limit.seal);
  other = limit;
  ++other.burst_ns;
  EXPECT_NE(belfry_seal(&other), limit.seal);
  EXPECT_NE(belfry_seal(&(other = {})), 0u);
}

}  // namespace
}  // namespace belfry::kernel
