// Lines that a SIEM can read, whatever a workload calls itself, and followers that nobody waits for.
#include "effect/journal.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace belfry::effect {
namespace {

using ::testing::ElementsAre;
using ::testing::SizeIs;

TEST(ToJson, SpeaksEcsAndEscapes) {
  const auto json = nlohmann::json::parse(ToJson({.action = "withheld",
                                                  .outcome = "failure",
                                                  .guard = "g",
                                                  .pid = 12,
                                                  .uid = 1000,
                                                  .comm = "a\x1b[31m\xff",
                                                  .reasons = {"fd_transferred"},
                                                  .cookie = 5}));
  EXPECT_EQ(json["schema"], 1);
  EXPECT_EQ(json["event"]["action"], "withheld");
  EXPECT_EQ(json["event"]["reason"][0], "fd_transferred");
  EXPECT_EQ(json["process"]["pid"], 12);
  EXPECT_EQ(json["process"]["name"], "a\\x1b[31m\\xff");
  EXPECT_EQ(json["user"]["id"], "1000");
  EXPECT_EQ(json["belfry"]["guard"], "g");
  EXPECT_FALSE(json["process"].contains("executable"));
}

class JournalTest : public ::testing::Test {
 protected:
  Follower Reader(bool everything, bool takes = true) {
    return {everything,
            [this, takes](const std::string& line) {
              lines_.push_back(line);
              return takes;
            },
            [this] { return left_; }, [this](const absl::Status& status) { ended_.push_back(status.code()); }};
  }
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

TEST_F(JournalTest, WhoIsTooSlowIsEndedAndToldSo) {
  journal_.Follow(Reader(true, false));
  journal_.Write({.action = "a"});
  journal_.Write({.action = "b"});
  EXPECT_THAT(lines_, SizeIs(1));
  EXPECT_THAT(ended_, ElementsAre(absl::StatusCode::kCancelled));
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
