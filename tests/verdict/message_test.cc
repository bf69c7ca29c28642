#include "verdict/message.h"

#include <gtest/gtest.h>

#include "kit/escape.h"

namespace belfry::verdict {
namespace {

TEST(Message, NamesGuardPidReasonsAndTheNextStep) {
  Verdict verdict;
  verdict.outcome = Outcome::kWithheld;
  verdict.reasons = {"exec_after_connect", "fd_transferred"};
  EXPECT_EQ(Message(verdict, "spire-agent", 17),
            "belfry: withheld: guard spire-agent, pid 17: exec_after_connect, fd_transferred; belfry explain 17");
  EXPECT_EQ(Message(verdict, "spire-agent", 17, 4017),
            "belfry: withheld: guard spire-agent, pid 17: exec_after_connect, fd_transferred; belfry explain 4017");
  EXPECT_EQ(Message({}, "g", -1), "belfry: unavailable: guard g, pid -1; belfry explain -1");
  verdict.outcome = Outcome::kSound;
  verdict.reasons.clear();
  EXPECT_EQ(Message(verdict, "g", 1), "belfry: sound: guard g, pid 1");
}

TEST(Message, IsOneBoundedLineWhateverItIsGiven) {
  Verdict verdict;
  verdict.outcome = Outcome::kWithheld;
  verdict.reasons = TaintNames((1u << BELFRY_TAINT_COUNT) - 1);
  const std::string every = Message(verdict, "spire-agent", INT64_MIN, INT64_MAX);
  EXPECT_LE(every.size(), kMessageBytes);
  EXPECT_NE(every.find("unrecorded"), std::string::npos) << "all names must fit";
  verdict.reasons.insert(verdict.reasons.end(), 100, "more\nlines");
  const std::string hostile = Message(verdict, std::string(5000, '\n'), INT64_MIN, INT64_MAX);
  EXPECT_LE(hostile.size(), kMessageBytes);
  EXPECT_EQ(hostile.find('\n'), std::string::npos);
  EXPECT_TRUE(kit::IsValidUtf8(hostile));
  EXPECT_NE(hostile.find("; belfry explain 9223372036854775807"), std::string::npos) << "the tail must survive";
}

}  // namespace
}  // namespace belfry::verdict
