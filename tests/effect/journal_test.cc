// Followers that nobody waits for, and that are told what they missed.
#include "effect/journal.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace belfry::effect {
namespace {

using ::testing::ElementsAre;
using ::testing::SizeIs;

class JournalTest : public ::testing::Test {
 protected:
  // Takes up to `room_` lines, as a queue that nobody reads would.
  Follower Reader(bool everything) {
    return {.everything = everything,
            .take =
                [this](const Line& line) {
                  if (lines_.size() >= kit::RoomFor(line.urgency(), room_)) return false;
                  lines_.push_back(line.entry().action);
                  counts_.push_back({line.entry().count, line.entry().connects});
                  return true;
                },
            .cancelled = [this] { return left_; },
            .ended = [this](const absl::Status& status) { ended_.push_back(status.code()); }};
  }
  size_t room_ = 1000;
  std::vector<std::pair<uint64_t, uint64_t>> counts_;
  std::vector<std::string> lines_;
  std::vector<absl::StatusCode> ended_;
  bool left_ = false;
  Journal journal_;
};

TEST_F(JournalTest, OnlyWhatConcernsAGuardUnlessAsked) {
  journal_.Follow(Reader(false));
  journal_.Write({.action = "exec"});
  EXPECT_THAT(lines_, SizeIs(0));
  journal_.Write({.action = "connect", .guard = "g"});
  EXPECT_THAT(lines_, SizeIs(1));
  journal_.Follow(Reader(true));
  journal_.Write({.action = "exec"});
  EXPECT_THAT(lines_, SizeIs(2));
}

TEST_F(JournalTest, WhoIsTooSlowIsToldHowManyItMissed) {
  room_ = 16;
  journal_.Follow(Reader(true));
  for (int i = 0; i < 20; ++i) journal_.Write({.action = "connect", .guard = "g"});
  journal_.Write({.action = "listener", .guard = "g"});
  EXPECT_THAT(lines_, SizeIs(14)) << "an eighth is kept for what is urgent";
  journal_.Write({.action = "taint", .guard = "g", .violation = true});
  EXPECT_EQ(lines_.back(), "taint") << "a flood must not push a violation out";
  room_ = 64;  // the reader has caught up
  journal_.Write({.action = "connect", .guard = "g"});
  EXPECT_THAT(std::vector(lines_.end() - 2, lines_.end()), ElementsAre("dropped", "connect"));
  EXPECT_EQ(counts_[lines_.size() - 2], std::pair(uint64_t{7}, uint64_t{6}));
  EXPECT_THAT(ended_, SizeIs(0)) << "it stays";
}

TEST_F(JournalTest, WhatWasMissedIsToldWithoutAnotherLine) {
  room_ = 2;
  journal_.Follow(Reader(true));
  for (int i = 0; i < 5; ++i) journal_.Write({.action = "connect", .guard = "g"});
  room_ = 16;
  journal_.Prune();
  EXPECT_EQ(lines_.back(), "dropped");
  journal_.Prune();
  EXPECT_THAT(lines_, SizeIs(3)) << "once";
}

TEST_F(JournalTest, ClosingsOnlyIfAsked) {
  journal_.Follow(Reader(true));
  EXPECT_FALSE(journal_.closings_wanted());
  journal_.Write({.action = "closed", .guard = "g"});
  EXPECT_THAT(lines_, SizeIs(0));
  Follower close = Reader(false);
  close.closings = true;
  journal_.Follow(std::move(close));
  EXPECT_TRUE(journal_.closings_wanted());
  journal_.Write({.action = "closed", .guard = "g"});
  EXPECT_THAT(lines_, SizeIs(1));
}

TEST_F(JournalTest, WhoLeftIsLetGoAndStoppingEndsTheRest) {
  journal_.Follow(Reader(true));
  left_ = true;
  journal_.Prune();
  EXPECT_THAT(ended_, SizeIs(1));
  left_ = false;
  journal_.Follow(Reader(true));
  journal_.Close();
  EXPECT_THAT(ended_, ElementsAre(absl::StatusCode::kCancelled, absl::StatusCode::kUnavailable));
}

}  // namespace
}  // namespace belfry::effect
