// What events do: cuts in the same turn, lines for followers.
#include <gmock/gmock.h>

#include "engine/scene.h"

namespace belfry::engine {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class PipelineTest : public Scene {
 protected:
  void EmitConnect() {
    belfry_event_connect event{};
    event.cookie = kCookie;
    event.connection = support::Connection(client_, image_);
    kernel_->Emit(support::WithHeader(event, BELFRY_KIND_CONNECT, 5));
  }
  void EmitExec(uint64_t exec_id) {
    belfry_event_exec event{};
    event.process = support::Process(client_, support::File(201));
    event.process.pin.exec_id = exec_id;
    kernel_->Emit(support::WithHeader(event, BELFRY_KIND_EXEC, 6));
  }
  void EmitExit() {
    belfry_event_exit event{};
    event.pin = client_;
    kernel_->Emit(support::WithHeader(event, BELFRY_KIND_EXIT, 6));
  }
  void EmitTampered(uint64_t exec_id) {
    belfry_event_tampered event{};
    event.process = client_;
    event.process.exec_id = exec_id;
    event.by = support::Pin(77, 7, 7);
    event.image_flags = BELFRY_IMAGE_MEMORY_WRITTEN;
    support::SetText(event.comm, "gdb");
    kernel_->Emit(support::WithHeader(event, BELFRY_KIND_TAMPERED, 6));
  }
  void Turn() { engine_->bench().drain(); }
  void PassARetry() {
    bool past = false;
    engine_->loop().After(Cuts::kRetry * 2, [&] { past = true; });
    Until([&] { return past; });
  }
  // Its opener ended and is yet to close it.
  void CutOneThatIsClosing() {
    Begin();
    AddClient();
    EmitConnect();
    EmitExit();
    kernel_->connections[kCookie].closing = true;
    Turn();
  }
};

TEST_F(PipelineTest, AnExecOfAnOpenerIsCutInTheSameTurn) {
  Begin();
  AddClient();
  EmitConnect();
  EmitExec(8);
  Turn();
  EXPECT_EQ(cutter_->cut.size(), 1u);
}

TEST_F(PipelineTest, TheExecBeforeTheConnectIsNoReason) {
  Begin();
  AddClient();
  EmitConnect();
  EmitExec(client_.exec_id);
  Turn();
  EXPECT_THAT(cutter_->cut, IsEmpty());
}

TEST_F(PipelineTest, AnExitOfAnOpenerIsCutInTheSameTurn) {
  Begin();
  AddClient();
  EmitConnect();
  EmitExit();
  Turn();
  EXPECT_EQ(cutter_->cut.size(), 1u);
}

TEST_F(PipelineTest, InWarnNothingIsCut) {
  Begin("mode: warn");
  AddClient();
  EmitConnect();
  EmitExec(8);
  Turn();
  EXPECT_THAT(cutter_->cut, IsEmpty());
}

TEST_F(PipelineTest, TheAgentsOwnConnectionIsNeverCut) {
  Begin();
  client_ = support::Pin(kAgent, kAgent, 1);
  AddClient();
  EmitConnect();
  EmitExec(8);
  Turn();
  EXPECT_THAT(cutter_->cut, IsEmpty());
}

TEST_F(PipelineTest, ATaintThatTheGuardMindsIsCut) {
  Begin();
  AddClient();
  belfry_event_taint event{};
  event.cookie = kCookie;
  event.taints = 1u << BELFRY_TAINT_AMBIGUOUS;
  kernel_->Emit(support::WithHeader(event, BELFRY_KIND_TAINT, 6));
  Turn();
  EXPECT_EQ(cutter_->cut.size(), 1u);
}

TEST_F(PipelineTest, AnImageThatWasTouchedIsCutWhereTheGuardMinds) {
  Begin("mode: deny, withhold_on: [memory_written]");
  AddClient();
  EmitConnect();
  EmitTampered(client_.exec_id);
  Turn();
  EXPECT_EQ(cutter_->cut.size(), 1u);
}

TEST_F(PipelineTest, AnImageThatWasTouchedIsSaidWhereItDoesNot) {
  Begin();
  AddClient();
  std::vector<effect::Entry> lines;
  engine_->Follow({.closings = false,
                   .take = [&](const effect::Line& line) { return lines.push_back(line.entry()), true; },
                   .cancelled = [] { return false; },
                   .ended = [](const absl::Status&) {}});
  EmitConnect();
  EmitTampered(client_.exec_id);
  Turn();
  EXPECT_THAT(cutter_->cut, IsEmpty());
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_EQ(lines[1].action, "taint");
  EXPECT_EQ(lines[1].pid, 77u);
  EXPECT_EQ(lines[1].comm, "gdb");
  EXPECT_THAT(lines[1].reasons, ::testing::ElementsAre("memory_written"));
}

TEST_F(PipelineTest, TheImageBeforeIsNotTheOpeners) {
  Begin("mode: deny, withhold_on: [memory_written]");
  AddClient();
  EmitConnect();
  EmitTampered(client_.exec_id - 1);
  Turn();
  EXPECT_THAT(cutter_->cut, IsEmpty());
}

TEST_F(PipelineTest, WhatNobodyHasAcceptedYetIsCutLater) {
  Begin();
  AddClient();
  const belfry_socket end = kernel_->sockets.back();
  kernel_->sockets.pop_back();
  EmitConnect();
  EmitExec(8);
  Turn();
  ASSERT_THAT(cutter_->cut, IsEmpty());
  kernel_->sockets.push_back(end);
  Until([&] { return cutter_->cut.size() == 1; });
}

TEST_F(PipelineTest, ACutCountsThoughTheServerClosedBeforeTheCutterAnswered) {
  Begin();
  AddClient();
  const belfry_socket end = kernel_->sockets.back();
  kernel_->sockets.pop_back();
  cutter_->slow = true;
  EmitConnect();
  EmitExec(8);
  Turn();  // not accepted yet: the retry is due
  kernel_->sockets.push_back(end);
  EmitExec(9);
  Turn();
  ASSERT_EQ(cutter_->cut.size(), 1u);
  kernel_->sockets.pop_back();
  kernel_->connections[kCookie].alive = false;
  PassARetry();
  cutter_->Ready();
  EXPECT_EQ(engine_->guards().ByName("g")->tally.cut, 1u);
}

TEST_F(PipelineTest, AnExitThatLeavesItsEndToNobodyIsNoCut) {
  Begin();
  AddClient();
  EmitConnect();
  EmitExit();
  cutter_->slow = true;
  Turn();
  ASSERT_EQ(cutter_->cut.size(), 1u) << "its descriptors were open when it was told";
  kernel_->connections[kCookie].client_open = false;
  cutter_->Ready();
  EXPECT_EQ(engine_->guards().ByName("g")->tally.cut, 0u);
}

// Its last thread may be long about it.
TEST_F(PipelineTest, AnExitThatIsYetToCloseItsEndIsJudgedWhenItHas) {
  for (const bool left : {false, true}) {
    CutOneThatIsClosing();
    ASSERT_EQ(cutter_->cut.size(), 1u);
    EXPECT_EQ(engine_->guards().ByName("g")->tally.cut, 0u);
    kernel_->connections[kCookie].closing = false;
    kernel_->connections[kCookie].client_open = left;
    PassARetry();
    EXPECT_EQ(engine_->guards().ByName("g")->tally.cut, left ? 1u : 0u);
    EXPECT_EQ(cutter_->cut.size(), 1u) << "once is enough";
  }
}

TEST_F(PipelineTest, UnlessSomebodyElseIsSeenToHaveIt) {
  Begin();
  AddClient();
  EmitConnect();
  EmitExit();
  kernel_->connections[kCookie].closing = true;
  kernel_->sockets.push_back(support::FakeKernel::ClientSlot(kCookie, support::Pin(77, 77, 1), 3));
  Turn();
  PassARetry();
  EXPECT_EQ(engine_->guards().ByName("g")->tally.cut, 1u);
}

TEST_F(PipelineTest, NorWhenItsRecordWentMeanwhile) {
  CutOneThatIsClosing();
  kernel_->connections.clear();
  PassARetry();
  EXPECT_EQ(engine_->guards().ByName("g")->tally.cut, 0u);
}

TEST_F(PipelineTest, AnExitThatLeavesItsEndToSomebodyIsACut) {
  Begin();
  AddClient();
  EmitConnect();
  EmitExit();
  Turn();
  EXPECT_EQ(engine_->guards().ByName("g")->tally.cut, 1u);
}

TEST_F(PipelineTest, WhileTheCutterIsAtItNobodyAsksAgain) {
  Begin();
  AddClient();
  cutter_->slow = true;
  EmitConnect();
  EmitExec(8);
  Turn();
  EmitExec(9);
  Turn();
  EXPECT_EQ(cutter_->cut.size(), 1u);
  cutter_->Ready();
  EXPECT_EQ(engine_->guards().ByName("g")->tally.cut, 1u);
}

TEST_F(PipelineTest, FollowersAreTold) {
  Begin();
  AddClient();
  std::vector<std::string> lines;
  v1::FollowRequest request;
  engine_->questions().Follow(
      request, [] {},
      [&](const std::string& line, kit::Urgency) {
        lines.push_back(line);
        return true;
      },
      [] { return false; }, [](const absl::Status&) {});
  engine_->loop().Turn(std::chrono::milliseconds(0));
  EmitConnect();
  EmitExec(8);
  Turn();
  EXPECT_THAT(lines, Contains(HasSubstr("\"action\":\"connect\"")));
  EXPECT_THAT(lines, Contains(HasSubstr("exec_after_connect")));
  EXPECT_THAT(lines, Contains(HasSubstr("\"action\":\"cut\"")));
}

// ---- what floods cost ----

TEST_F(PipelineTest, TheDeadConnectionsOfAnOpenerThatExitsCostNoWalk) {
  Begin();
  kernel_->AddProcess(client_, image_);
  for (uint64_t cookie = 1000; cookie < 1300; ++cookie) {
    belfry_event_connect event{};
    event.cookie = cookie;
    event.connection = support::Connection(client_, image_);
    kernel_->connections[cookie] = {cookie, event.connection, false, false};
    kernel_->Emit(support::WithHeader(event, BELFRY_KIND_CONNECT, 5));
  }
  Turn();
  kernel_->walks = kernel_->lists = 0;
  EmitExit();
  Turn();
  EXPECT_EQ(kernel_->walks, 0);
  EXPECT_EQ(kernel_->lists, 0);
  EXPECT_THAT(kernel_->connections, IsEmpty()) << "dead records are forgotten at the exit";
  EXPECT_THAT(engine_->seen().connections.OfProcess(client_.tgid), IsEmpty());
  EXPECT_THAT(cutter_->cut, IsEmpty());
}

TEST_F(PipelineTest, AllThatATurnCutsIsFoundInOneWalk) {
  Begin();
  kernel_->AddProcess(client_, image_);
  for (uint64_t cookie = 1000; cookie < 1100; ++cookie) {
    belfry_event_connect event{};
    event.cookie = cookie;
    event.connection = support::Connection(client_, image_);
    kernel_->AddConnection(cookie, event.connection);
    kernel_->sockets.push_back(ServerEnd(cookie, client_.tgid));
    kernel_->Emit(support::WithHeader(event, BELFRY_KIND_CONNECT, 5));
  }
  EmitExit();
  kernel_->walks = kernel_->lists = 0;
  Turn();
  EXPECT_EQ(cutter_->cut.size(), 100u);
  EXPECT_EQ(kernel_->walks, 1);
  EXPECT_EQ(kernel_->lists, 0);
}

TEST_F(PipelineTest, WhatGoesBeforeTheRetryIsNotLookedForAgain) {
  Begin();
  AddClient();
  kernel_->sockets.pop_back();  // not accepted yet
  EmitConnect();
  EmitExit();
  kernel_->walks = 0;
  Turn();
  EXPECT_EQ(kernel_->walks, 1);
  kernel_->connections[kCookie].alive = false;
  PassARetry();
  EXPECT_EQ(kernel_->walks, 1);
}

}  // namespace
}  // namespace belfry::engine
