// What the plugin is told, and what is cut before it is told.
#include <gmock/gmock.h>

#include "engine/scene.h"

namespace belfry::engine {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class JudgeTest : public Scene {};

TEST_F(JudgeTest, AnHonestClientIsSound) {
  Begin();
  AddClient();
  const auto reply = Judge();
  ASSERT_TRUE(reply.ok()) << reply.status();
  EXPECT_EQ(reply->outcome(), v1::OUTCOME_SOUND) << reply->message();
  EXPECT_EQ(reply->mode(), v1::MODE_DENY);
  EXPECT_EQ(reply->evidence().provenance(), "connect");
  EXPECT_EQ(reply->evidence().backend(), "cgroup");
  EXPECT_THAT(cutter_->cut, IsEmpty());
}

TEST_F(JudgeTest, AnExecAfterConnectIsWithheldAndCutBeforeTheAnswer) {
  Begin();
  AddClient();
  belfry_pin after = client_;
  after.exec_id = 8;
  kernel_->AddProcess(after, support::File(201));
  v1::JudgeRequest request;
  request.set_pid(getpid());
  size_t cut_at_answer = 0;
  bool answered = false;
  engine_->questions().Judge({.tgid = kPlugin}, request, {}, [&](const absl::StatusOr<v1::JudgeReply>& reply) {
    EXPECT_EQ(reply->outcome(), v1::OUTCOME_WITHHELD);
    EXPECT_THAT(Reasons(reply), ElementsAre("exec_after_connect"));
    EXPECT_FALSE(reply->has_evidence());
    cut_at_answer = cutter_->cut.size();
    answered = true;
  });
  Until([&] { return answered; });
  ASSERT_EQ(cut_at_answer, 1u);
  EXPECT_EQ(cutter_->cut[0].tgid, kAgent);
  EXPECT_EQ(cutter_->cut[0].fd, 12);
  EXPECT_EQ(cutter_->cut[0].sock_inode, kInode);
}

TEST_F(JudgeTest, WhatWasCutCountsOnlyWhileThereIsNothingElse) {
  Begin();
  AddClient();
  kernel_->connections[kCookie].record.taints = 1u << BELFRY_TAINT_AMBIGUOUS;
  EXPECT_THAT(Reasons(Judge()), ElementsAre("ambiguous"));
  EXPECT_THAT(Reasons(Judge()), ElementsAre("ambiguous"));
  EXPECT_EQ(cutter_->cut.size(), 1u);  // once is enough
  kernel_->AddConnection(502, support::Connection(client_, image_), 4);
  kernel_->sockets.push_back(ServerEnd(502, client_.tgid));
  EXPECT_EQ(Judge()->outcome(), v1::OUTCOME_SOUND);
}

TEST_F(JudgeTest, InObserveNothingIsCutAndTheCountSaysWhoWouldBeHit) {
  Begin("mode: observe");
  AddClient();
  kernel_->live[client_.tgid].pin.exec_id = 8;
  const auto reply = Judge();
  EXPECT_EQ(reply->outcome(), v1::OUTCOME_WITHHELD);
  EXPECT_EQ(reply->mode(), v1::MODE_OBSERVE);
  EXPECT_THAT(cutter_->cut, IsEmpty());
  EXPECT_EQ(engine_->guards().ByName("g")->tally.would_withhold.at("exec_after_connect"), 1u);
  EXPECT_EQ(engine_->guards().ByName("g")->tally.would_be_hit.size(), 1u);
}

TEST_F(JudgeTest, AHolderThatGoesAwayBeforeTheDeadlineIsForgiven) {
  deadlines_.holders = std::chrono::milliseconds(60000);
  Begin();
  AddClient();
  kernel_->sockets.push_back(support::FakeKernel::ClientSlot(kCookie, support::Pin(77, 77, 1), 3));
  int looks = 0;
  kernel_->before_live = [&] {
    if (++looks != 8) return;
    std::erase_if(kernel_->sockets, [](const belfry_socket& socket) { return socket.holder_tgid == 77; });
  };
  const auto reply = Judge();
  EXPECT_EQ(reply->outcome(), v1::OUTCOME_SOUND) << reply->message();
  EXPECT_GE(looks, 8);
}

TEST_F(JudgeTest, TheEvidenceHasAsLongAsWhoeverAskedWaits) {
  deadlines_ = {.holders = std::chrono::milliseconds(60000), .evidence = std::chrono::milliseconds(1)};
  Begin();
  AddClient();
  kernel_->sockets.push_back(support::FakeKernel::ClientSlot(kCookie, support::Pin(77, 77, 1), 3));
  int looks = 0;
  kernel_->before_live = [&] {
    if (++looks != 12) return;  // several looks later: whoever admits the caller has looked before
    std::erase_if(kernel_->sockets, [](const belfry_socket& socket) { return socket.holder_tgid == 77; });
  };
  patience_.until = std::chrono::system_clock::now() + std::chrono::minutes(5);
  EXPECT_EQ(Judge()->outcome(), v1::OUTCOME_SOUND);
  patience_.until = std::chrono::system_clock::now();
  kernel_->sockets.push_back(support::FakeKernel::ClientSlot(kCookie, support::Pin(77, 77, 1), 3));
  const auto late = Judge();
  EXPECT_EQ(late->outcome(), v1::OUTCOME_UNAVAILABLE) << late->message();
}

// It heard that there was no answer in time and ended over that: to say that nobody lives there would be a lie.
TEST_F(JudgeTest, NobodyIsJudgedForOneWhoHasGivenUp) {
  Begin();
  patience_.over = [] { return true; };
  const auto reply = Judge();
  EXPECT_EQ(reply->outcome(), v1::OUTCOME_UNAVAILABLE) << reply->message();
  const Tally& tally = engine_->guards().ByName("g")->tally;
  EXPECT_EQ(tally.unavailable, 1u);
  EXPECT_EQ(tally.withheld, 0u);
}

// Every look meets another process that holds the client's end.
class NewbornTest : public JudgeTest {
 protected:
  struct Newborn {
    uint32_t forked_by = 0;  // by the kernel's record of the fork
    uint32_t parent = 0;     // now: who is orphaned gets another
    uint64_t exec_id = 0;
    uint64_t exec_ns = 0;    // of the exec that it has its image from
  };
  Newborn Honest() { return {client_.tgid, client_.tgid, client_.exec_id, kernel_->processes[client_.tgid].exec_ns}; }
  absl::StatusOr<v1::JudgeReply> JudgeMeeting(const Newborn& newborn) {
    kernel_->before_search = [this, newborn] {
      std::erase_if(kernel_->sockets, [&](const belfry_socket& socket) { return socket.holder_tgid == number_; });
      kernel_->RemoveProcess(number_++);
      const belfry_pin pin = support::Pin(number_, number_, newborn.exec_id);
      kernel_->AddProcess(pin, image_);
      kernel_->live[number_].parent_tgid = newborn.parent;
      kernel_->live[number_].parent_start_ns = client_.start_ns;
      kernel_->processes[number_].parent_tgid = newborn.forked_by;
      kernel_->processes[number_].parent_start_ns = client_.start_ns;
      kernel_->processes[number_].exec_ns = newborn.exec_ns;
      kernel_->sockets.push_back(support::FakeKernel::ClientSlot(kCookie, pin, 3));
    };
    return Judge();
  }

 private:
  uint32_t number_ = 77;
};

TEST_F(NewbornTest, WhoSpawnsAllTheTimeIsForgiven) {
  Begin();
  AddClient();
  const auto reply = JudgeMeeting(Honest());
  EXPECT_EQ(reply->outcome(), v1::OUTCOME_SOUND) << reply->message();
}

// A stranger whose parent ended is given to the reaper: in a container that is the client itself, and exec ids are counts
// that anyone can bring to the same number.
TEST_F(NewbornTest, AStrangerThatBecameItsChildIsATransfer) {
  Begin();
  AddClient();
  Newborn stranger = Honest();
  stranger.exec_ns += 1;
  stranger.forked_by = 999;
  EXPECT_THAT(Reasons(JudgeMeeting(stranger)), ElementsAre("fd_transferred"));
}

TEST_F(NewbornTest, AForkOfAnotherImageIsATransfer) {
  Begin();
  AddClient();
  Newborn child = Honest();
  child.exec_ns += 1;
  EXPECT_THAT(Reasons(JudgeMeeting(child)), ElementsAre("fd_transferred"));
}

TEST_F(NewbornTest, AChildThatHasExecdIsATransfer) {
  Begin();
  AddClient();
  Newborn child = Honest();
  child.exec_id += 1;
  child.exec_ns += 1;
  EXPECT_THAT(Reasons(JudgeMeeting(child)), ElementsAre("fd_transferred"));
}

TEST_F(NewbornTest, NobodyIsForgivenForAClientWhoseExecWasNotSeen) {
  Begin("mode: deny, trust_backfill: true");
  AddClient();
  kernel_->processes[client_.tgid].image_flags = BELFRY_IMAGE_BACKFILLED;
  kernel_->processes[client_.tgid].exec_ns = 0;
  EXPECT_THAT(Reasons(JudgeMeeting(Honest())), ElementsAre("fd_transferred"));
}

TEST_F(JudgeTest, AHolderThatStaysIsATransfer) {
  Begin();
  AddClient();
  kernel_->sockets.push_back(support::FakeKernel::ClientSlot(kCookie, support::Pin(77, 77, 1), 3));
  std::string journal;
  engine_->journal().Follow({.everything = true,
                             .take = [&](const effect::Line& line) { return journal += line.json(), true; },
                             .cancelled = [] { return false; },
                             .ended = [](const absl::Status&) {}});
  EXPECT_THAT(Reasons(Judge()), ElementsAre("fd_transferred"));
  EXPECT_EQ(cutter_->cut.size(), 1u);
  EXPECT_THAT(journal, ::testing::HasSubstr("held by pid 77 fd "));
}

TEST_F(JudgeTest, ADoubtThatStaysIsLookedAtMoreRarely) {
  Begin();
  AddClient();
  kernel_->sockets.push_back(support::FakeKernel::ClientSlot(kCookie, support::Pin(77, 77, 1), 3));
  Judge().IgnoreError();
  EXPECT_LE(kernel_->searches, 32);  // after 1, 3, 5, ... of 60 ms
}

TEST_F(JudgeTest, AServedConnectionWithoutARecordIsUnrecordedAndCut) {
  Begin();
  AddClient();
  kernel_->sockets.push_back(ServerEnd(501, client_.tgid));
  EXPECT_THAT(Reasons(Judge()), ElementsAre("unrecorded"));
  EXPECT_EQ(cutter_->cut.size(), 1u);
}

TEST_F(JudgeTest, AConnectionThatAStrangerAcceptedIsNoProof) {
  Begin();
  AddClient();
  for (belfry_socket& socket : kernel_->sockets)
    if (socket.end == BELFRY_END_SERVER) socket.holder_tgid = socket.holder_start_ns = 78;
  EXPECT_THAT(Reasons(Judge()), ElementsAre("foreign_acceptor"));
}

TEST_F(JudgeTest, TheGuardsOwnListenerIsSoundWithoutSelectorsAndNeverCut) {
  Begin();
  kernel_->AddConnection(kCookie, support::Connection(support::Pin(kAgent, 5, 99), image_));
  const auto reply = Judge(kPlugin, kAgent);
  EXPECT_EQ(reply->outcome(), v1::OUTCOME_SOUND);
  EXPECT_EQ(reply->evidence().ByteSizeLong(), 0u);
  EXPECT_THAT(cutter_->cut, IsEmpty());
}

TEST_F(JudgeTest, NumbersThatAreNobodyAreWithheld) {
  Begin();
  for (const int32_t pid : {0, -1, 999999})
    EXPECT_THAT(Reasons(Judge(kPlugin, pid)), ElementsAre("no_such_process")) << pid;
}

TEST_F(JudgeTest, ALiveProcessWithoutAConnectionIsUnrecorded) {
  Begin();
  kernel_->AddProcess(client_, image_);
  EXPECT_THAT(Reasons(Judge()), ElementsAre("unrecorded"));
}

TEST_F(JudgeTest, WhatIsGoneCanTellWhyButProvesNothing) {
  Begin();
  AddClient();
  kernel_->sockets.clear();
  kernel_->connections[kCookie].alive = false;
  EXPECT_THAT(Reasons(Judge()), ElementsAre("unrecorded"));
  kernel_->live[client_.tgid].pin.exec_id = kernel_->processes[client_.tgid].pin.exec_id = client_.exec_id + 1;
  EXPECT_THAT(Reasons(Judge()), ElementsAre("exec_after_connect", "unrecorded"));
}

TEST_F(JudgeTest, TheAnswerDoesNotDependOnTheRing) {
  Begin();
  AddClient();
  belfry_event_exit event{};
  event.pin = support::Pin(77, 77, 1);
  kernel_->Emit(support::WithHeader(event, BELFRY_KIND_EXIT, 5));
  kernel_->live[client_.tgid].pin.exec_id = 8;  // its exec event was lost
  EXPECT_THAT(Reasons(Judge()), ElementsAre("exec_after_connect"));
}

TEST_F(JudgeTest, NumbersAreTranslatedThroughTheAskersNamespace) {
  Begin();
  AddClient();
  kernel_->translations[{kPlugin, 7}] = client_.tgid;
  EXPECT_EQ(Judge(kPlugin, 7)->outcome(), v1::OUTCOME_SOUND);
}

TEST_F(JudgeTest, AReferenceNeedsTheGuardsConsent) {
  Begin();
  AddClient();
  EXPECT_THAT(Reasons(Judge(kPlugin, getpid(), true)), ElementsAre("not_delegated"));
  EXPECT_THAT(cutter_->cut, IsEmpty());
}

TEST_F(JudgeTest, AReferenceIsAnsweredFromExecEvidenceWhereDelegated) {
  Begin("mode: deny, delegated: exec");
  kernel_->AddProcess(client_, image_);
  const auto reply = Judge(kPlugin, getpid(), true);
  EXPECT_EQ(reply->outcome(), v1::OUTCOME_SOUND) << reply->message();
  EXPECT_EQ(reply->evidence().provenance(), "exec");
}

TEST_F(JudgeTest, AKernelThatCannotBeReadIsUnavailable) {
  Begin();
  AddClient();
  kernel_->failing = absl::InternalError("no map");
  const auto reply = Judge();
  ASSERT_TRUE(reply.ok());
  EXPECT_EQ(reply->outcome(), v1::OUTCOME_UNAVAILABLE);
  EXPECT_THAT(reply->message(), HasSubstr("no map"));
}

TEST_F(JudgeTest, AnAskerThatCannotBeLookedAtIsNotSaidToHaveEnded) {
  Begin();
  AddClient();
  int looks = 0;
  kernel_->before_live = [&] {
    if (++looks == 5) kernel_->failing_live = absl::ResourceExhaustedError("no memory");
  };
  const auto reply = Judge();
  ASSERT_TRUE(reply.ok()) << reply.status();
  EXPECT_EQ(reply->outcome(), v1::OUTCOME_UNAVAILABLE) << reply->message();
}

TEST_F(JudgeTest, ItChangedWhileItsEvidenceWasRead) {
  Begin();
  AddClient();
  // Three looks of Live for the first gathering and its own listener's check; the exec comes with the second one.
  int looks = 0;
  kernel_->before_live = [&] {
    if (++looks == 6) kernel_->live[client_.tgid].pin.exec_id = 9;
  };
  EXPECT_EQ(Judge()->outcome(), v1::OUTCOME_WITHHELD);
}

// ---- who may ask ----

TEST_F(JudgeTest, WhoCannotBeLookedAtIsNotSaidToBeNobodysChild) {
  Begin();
  AddClient();
  kernel_->failing_live = absl::ResourceExhaustedError("no memory");
  EXPECT_TRUE(absl::IsUnavailable(Judge().status())) << Judge().status();
}

TEST_F(JudgeTest, ADirectChildOfTheAgentMayAsk) {
  Begin();
  AddClient();
  EXPECT_TRUE(Judge(kSupervisor).ok());
}

TEST_F(JudgeTest, AStrangerMayNotAskWhateverItsUid) {
  Begin();
  AddClient();
  AddProcess(90, 1, support::File(101));
  EXPECT_TRUE(absl::IsPermissionDenied(Judge(90).status()));
}

TEST_F(JudgeTest, ARefusedStrangerCostsNoWalk) {
  Begin();
  AddProcess(90, 1, support::File(101));
  kernel_->walks = 0;
  EXPECT_TRUE(absl::IsPermissionDenied(Judge(90).status()));
  EXPECT_EQ(kernel_->walks, 0);
}

TEST_F(JudgeTest, AllWhoMayBeAdmittedSoonShareOneLook) {
  Begin("mode: deny, listener: {uid: 5}");
  AddClient();
  kernel_->walks = 0;
  int answered = 0;
  for (int i = 0; i < 50; ++i)
    engine_->questions().Judge({.tgid = kSupervisor}, {}, {}, [&](const auto& reply) {
      EXPECT_TRUE(absl::IsPermissionDenied(reply.status()));
      ++answered;
    });
  Until([&] { return answered == 50; });
  EXPECT_LE(kernel_->walks, 4);  // one at once, one for the rest; the engine's own look for a missing listener may come
}

TEST_F(JudgeTest, AGrandchildOfAnotherImageMayNotAsk) {
  Begin();
  AddClient();
  AddProcess(91, kSupervisor, support::File(102));
  EXPECT_TRUE(absl::IsPermissionDenied(Judge(91).status()));
}

TEST_F(JudgeTest, AChildWhoseParentNumberCameBackMayNotAsk) {
  Begin();
  AddClient();
  kernel_->live[kSupervisor].parent_start_ns = 12345;
  EXPECT_TRUE(absl::IsPermissionDenied(Judge(kSupervisor).status()));
}

}  // namespace
}  // namespace belfry::engine
