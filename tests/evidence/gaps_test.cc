#include "evidence/gaps.h"

#include <gtest/gtest.h>

#include <random>

namespace belfry::evidence {
namespace {

TEST(Gaps, BoundsAreExactAndInclusive) {
  Gaps gaps;
  gaps.Add(10, 20, "ring full");
  EXPECT_FALSE(gaps.Covers(9));
  EXPECT_TRUE(gaps.Covers(10));
  EXPECT_TRUE(gaps.Covers(20));
  EXPECT_FALSE(gaps.Covers(21));
  EXPECT_TRUE(gaps.Overlaps(0, 10));
  EXPECT_TRUE(gaps.Overlaps(20, 99));
  EXPECT_TRUE(gaps.Overlaps(12, 13));
  EXPECT_FALSE(gaps.Overlaps(0, 9));
  EXPECT_FALSE(gaps.Overlaps(21, 99));
}

TEST(Gaps, OverlappingOnesBecomeOneAndKeepTheirReasons) {
  Gaps gaps;
  gaps.Add(30, 40, "b");
  gaps.Add(10, 20, "a");
  gaps.Add(60, 70, "c");
  ASSERT_EQ(gaps.All().size(), 3u);
  gaps.Add(35, 15, "d");  // in the wrong order, spans the first two
  ASSERT_EQ(gaps.All().size(), 2u);
  EXPECT_EQ(gaps.All()[0].from_ns, 10u);
  EXPECT_EQ(gaps.All()[0].to_ns, 40u);
  EXPECT_EQ(gaps.All()[0].why, "a; d; b");
  EXPECT_FALSE(gaps.Covers(50));
}

TEST(Gaps, StayBoundedByWideningOnly) {
  Gaps gaps(2);
  gaps.Add(10, 11, "a");
  gaps.Add(20, 21, "b");
  gaps.Add(90, 91, "c");
  ASSERT_EQ(gaps.All().size(), 2u);
  EXPECT_TRUE(gaps.Covers(15)) << "the two closest became one";
  EXPECT_FALSE(gaps.Covers(50));
}

TEST(Gaps, WhatWasEverInAGapStaysInOne) {
  std::mt19937 random(3);
  for (const size_t capacity : {1, 3, 50}) {
    Gaps gaps(capacity);
    bool exact[1000] = {};
    for (int i = 0; i < 40; ++i) {
      const uint64_t from = random() % 990, to = from + random() % 10;
      gaps.Add(from, to, "x");
      for (uint64_t t = from; t <= to; ++t) exact[t] = true;
      ASSERT_LE(gaps.All().size(), capacity);
      for (uint64_t t = 0; t < 1000; ++t) {
        if (capacity == 50) {
          ASSERT_EQ(gaps.Covers(t), exact[t]) << t;
        } else {
          ASSERT_TRUE(gaps.Covers(t) || !exact[t]) << t;
        }
      }
    }
  }
}

}  // namespace
}  // namespace belfry::evidence
