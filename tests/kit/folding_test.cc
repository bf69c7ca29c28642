// The first is said at once, the same again once a minute with its count, and nothing is forgotten uncounted.
#include "kit/folding.h"

#include <gtest/gtest.h>

namespace belfry::kit {
namespace {

using std::chrono::seconds;
const Folding::Clock::time_point kStart{};

TEST(Folding, SaysTheSameOnceAMinute) {
  Folding folding;
  EXPECT_EQ(folding.Say("7 exec_after_connect", kStart), 0u);
  EXPECT_EQ(folding.Say("7 exec_after_connect", kStart + seconds(59)), std::nullopt);
  EXPECT_EQ(folding.Say("7 unrecorded", kStart), 0u);
  EXPECT_EQ(folding.Say("8 exec_after_connect", kStart), 0u);
  EXPECT_EQ(folding.Say("7 exec_after_connect", kStart + seconds(60)), 1u);
  EXPECT_EQ(folding.Say("7 exec_after_connect", kStart + seconds(121)), 0u);
}

TEST(Folding, WhatDoesNotComeAgainIsDueAllTheSame) {
  Folding folding;
  folding.Say("quiet", kStart);
  for (int i = 0; i < 3; ++i) folding.Say("loud", kStart + seconds(i));
  EXPECT_TRUE(folding.Due(kStart + seconds(59)).empty());
  const auto due = folding.Due(kStart + seconds(60));
  ASSERT_EQ(due.size(), 1u);
  EXPECT_EQ(due[0].key, "loud");
  EXPECT_EQ(due[0].times, 2u);
  EXPECT_EQ(folding.Say("loud", kStart + seconds(61)), std::nullopt);  // that was said a second ago
  EXPECT_TRUE(folding.Due(kStart + seconds(62)).empty());
}

TEST(Folding, ForgetsTheOldestNeverTheNewestAndCounts) {
  Folding folding;
  folding.Say("1", kStart);
  folding.Say("1", kStart);
  for (size_t key = 2; key <= Folding::kKeys + 1; ++key) EXPECT_EQ(folding.Say(std::to_string(key), kStart), 0u);
  EXPECT_EQ(folding.Say(std::to_string(Folding::kKeys + 1), kStart), std::nullopt);
  EXPECT_EQ(folding.TakeForgotten(), 1u);
  EXPECT_EQ(folding.TakeForgotten(), 0u);
  EXPECT_EQ(folding.Say("1", kStart), 0u);
}

}  // namespace
}  // namespace belfry::kit
