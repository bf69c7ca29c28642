#include "plugin/decision.h"

#include <gtest/gtest.h>

namespace belfry::plugin {
namespace {

using verdict::Mode;

constexpr Profile kProfiles[] = {Profile::kUnix, Profile::kBelfry};
constexpr Mode kModes[] = {Mode::kObserve, Mode::kWarn, Mode::kDeny};

v1::JudgeReply Reply(v1::Outcome outcome) {
  v1::JudgeReply reply;
  reply.set_outcome(outcome);
  reply.set_guard("agent");
  if (outcome == v1::OUTCOME_WITHHELD) reply.add_reasons("exec_after_connect");
  if (outcome == v1::OUTCOME_SOUND) reply.mutable_evidence()->set_uid(7);
  return reply;
}

TEST(Decision, InDenyOnlyTheSoundAreNamed) {
  for (const Profile profile : kProfiles) {
    EXPECT_EQ(Decide(profile, Mode::kDeny, 5, Reply(v1::OUTCOME_SOUND)).kind, Decision::kSelectors);
    for (const v1::Outcome outcome : {v1::OUTCOME_WITHHELD, v1::OUTCOME_NOT_OURS}) {
      const Decision decision = Decide(profile, Mode::kDeny, 5, Reply(outcome));
      EXPECT_EQ(decision.kind, Decision::kRefuse);
      EXPECT_EQ(decision.refusal.code(), absl::StatusCode::kPermissionDenied);
    }
    for (const v1::Outcome outcome : {v1::OUTCOME_UNAVAILABLE, v1::OUTCOME_UNSPECIFIED}) {
      EXPECT_EQ(Decide(profile, Mode::kDeny, 5, Reply(outcome)).refusal.code(), absl::StatusCode::kUnavailable);
    }
  }
}

TEST(Decision, SoundWithoutEvidenceIsNotSound) {
  v1::JudgeReply reply = Reply(v1::OUTCOME_SOUND);
  reply.clear_evidence();
  EXPECT_EQ(Decide(Profile::kUnix, Mode::kDeny, 5, reply).refusal.code(), absl::StatusCode::kUnavailable);
}

TEST(Decision, BelowDenyTheBuiltinAnswersAndTheReasonIsSaid) {
  for (const Mode mode : {Mode::kObserve, Mode::kWarn}) {
    const Decision withheld = Decide(Profile::kUnix, mode, 5, Reply(v1::OUTCOME_WITHHELD));
    EXPECT_EQ(withheld.kind, Decision::kBuiltin);
    EXPECT_EQ(withheld.would_withhold, "exec_after_connect");
    const Decision sound = Decide(Profile::kUnix, mode, 5, Reply(v1::OUTCOME_SOUND));
    EXPECT_EQ(sound.kind, Decision::kBuiltin);
    EXPECT_EQ(sound.would_withhold, "");
    EXPECT_EQ(Decide(Profile::kBelfry, mode, 5, Reply(v1::OUTCOME_SOUND)).kind, Decision::kSelectors);
    EXPECT_EQ(Decide(Profile::kBelfry, mode, 5, Reply(v1::OUTCOME_WITHHELD)).kind, Decision::kSilence);
    EXPECT_EQ(Decide(Profile::kBelfry, mode, 5, Reply(v1::OUTCOME_UNAVAILABLE)).kind, Decision::kRefuse);
  }
}

TEST(Decision, AloneOnlyProfileUnixBelowDenyAnswers) {
  for (const Profile profile : kProfiles) {
    for (const Mode mode : kModes) {
      const Decision decision = DecideAlone(profile, mode, absl::DeadlineExceededError("late"));
      if (profile == Profile::kUnix && mode != Mode::kDeny) {
        EXPECT_EQ(decision.kind, Decision::kBuiltin);
      } else {
        EXPECT_EQ(decision.kind, Decision::kRefuse);
        EXPECT_EQ(decision.refusal.code(), absl::StatusCode::kUnavailable);
      }
    }
  }
}

TEST(Decision, TheAgentItselfIsNeverRefused) {
  for (const Profile profile : kProfiles) {
    for (const Mode mode : kModes) EXPECT_NE(DecideOwn(profile, mode).kind, Decision::kRefuse);
  }
  EXPECT_EQ(DecideOwn(Profile::kUnix, Mode::kDeny).kind, Decision::kSilence);
}

TEST(Decision, NobodyIsWithheldInDenyAndTheBuiltinsErrorBelow) {
  EXPECT_EQ(DecideNobody(Profile::kUnix, Mode::kDeny, 0).refusal.code(), absl::StatusCode::kPermissionDenied);
  EXPECT_EQ(DecideNobody(Profile::kUnix, Mode::kObserve, -1).kind, Decision::kBuiltin);
}

TEST(Decision, TheMessageIsOneBoundedLine) {
  v1::JudgeReply reply = Reply(v1::OUTCOME_WITHHELD);
  reply.set_message("already escaped: /a\\x0ab");
  EXPECT_EQ(Decide(Profile::kUnix, Mode::kDeny, 5, reply).refusal.message(), "already escaped: /a\\x0ab");
  reply.set_message("two\nlines " + std::string(2000, 'x'));
  const std::string message(Decide(Profile::kUnix, Mode::kDeny, 5, reply).refusal.message());
  EXPECT_LE(message.size(), 512u);
  EXPECT_EQ(message.find('\n'), std::string::npos);
}

}  // namespace
}  // namespace belfry::plugin
