// What the sweep finds without events.
#include <gmock/gmock.h>

#include "engine/scene.h"

namespace belfry::engine {
namespace {

using ::testing::Contains;
using ::testing::IsEmpty;

class SweepTest : public Scene {
 protected:
  evidence::Gaps gaps_;
};

TEST_F(SweepTest, FindsWhatTheStreamLost) {
  Begin();
  AddClient();
  kernel_->live[client_.tgid].pin.exec_id = 8;
  Cuts cuts(engine_->loop(), *kernel_, *cutter_, engine_->journal(), engine_->guards());
  Sweep sweep(*kernel_, engine_->guards(), engine_->seen(), cuts, engine_->gate(), gaps_, engine_->bench().drain);
  ASSERT_TRUE(sweep.Connections(10).ok());
  EXPECT_EQ(cutter_->cut.size(), 1u);
  kernel_->connections[kCookie].alive = false;
  ASSERT_TRUE(sweep.Connections(11).ok());
  EXPECT_THAT(kernel_->forgotten, Contains(kCookie));
}

TEST_F(SweepTest, WhoseRecordWentInTheKernelIsNotSaidToBeOpen) {
  Begin();
  AddClient();
  Cuts cuts(engine_->loop(), *kernel_, *cutter_, engine_->journal(), engine_->guards());
  Sweep sweep(*kernel_, engine_->guards(), engine_->seen(), cuts, engine_->gate(), gaps_, engine_->bench().drain);
  ASSERT_TRUE(sweep.Connections(10).ok());
  EXPECT_EQ(engine_->seen().connections.live(), 1u);
  kernel_->connections.clear();
  ASSERT_TRUE(sweep.Connections(11).ok());
  EXPECT_EQ(engine_->seen().connections.live(), 0u);
}

TEST_F(SweepTest, AProcessThatCannotBeLookedAtHasNotEnded) {
  Begin();
  AddClient();
  Cuts cuts(engine_->loop(), *kernel_, *cutter_, engine_->journal(), engine_->guards());
  Sweep sweep(*kernel_, engine_->guards(), engine_->seen(), cuts, engine_->gate(), gaps_, engine_->bench().drain);
  kernel_->failing_live = absl::ResourceExhaustedError("no memory");
  ASSERT_TRUE(sweep.Connections(10).ok());
  EXPECT_THAT(cutter_->cut, IsEmpty());
  kernel_->sockets.push_back(ServerEnd(kCookie + 1, kAgent));  // for all that is known, the guard's own
  EXPECT_FALSE(sweep.MarkUnrecorded(BELFRY_TAINT_PREEXISTING, 10).ok());
  kernel_->sockets.pop_back();
  kernel_->failing_live = absl::OkStatus();
  kernel_->live.erase(client_.tgid);
  ASSERT_TRUE(sweep.Connections(11).ok());
  EXPECT_EQ(cutter_->cut.size(), 1u);
}

TEST_F(SweepTest, FindsAnImageThatWasTouched) {
  Begin("mode: deny, withhold_on: [memory_written]");
  AddClient();
  Cuts cuts(engine_->loop(), *kernel_, *cutter_, engine_->journal(), engine_->guards());
  Sweep sweep(*kernel_, engine_->guards(), engine_->seen(), cuts, engine_->gate(), gaps_, engine_->bench().drain);
  ASSERT_TRUE(sweep.Connections(10).ok());
  EXPECT_THAT(cutter_->cut, IsEmpty());
  kernel_->processes[client_.tgid].image_flags = BELFRY_IMAGE_MEMORY_WRITTEN;
  ASSERT_TRUE(sweep.Connections(11).ok());
  EXPECT_EQ(cutter_->cut.size(), 1u);
}

TEST_F(SweepTest, ARiseOfMissedRunsIsAGap) {
  Begin();
  Cuts cuts(engine_->loop(), *kernel_, *cutter_, engine_->journal(), engine_->guards());
  Sweep sweep(*kernel_, engine_->guards(), engine_->seen(), cuts, engine_->gate(), gaps_, engine_->bench().drain);
  kernel_->counters = {{.name = "connect_ready", .missed = 3}, {.name = "process_exec", .missed = 1}};
  sweep.LookForGaps(100);
  EXPECT_THAT(gaps_.All(), IsEmpty());
  kernel_->counters[1].missed = 9;
  sweep.LookForGaps(200);
  EXPECT_THAT(gaps_.All(), IsEmpty());
  kernel_->counters[0].lost_map = 7;  // no record decides by itself
  sweep.LookForGaps(200);
  EXPECT_THAT(gaps_.All(), IsEmpty());
  kernel_->counters[0].missed = 4;
  sweep.LookForGaps(300);
  EXPECT_TRUE(gaps_.Covers(250));
  EXPECT_FALSE(gaps_.Covers(150));
}

TEST_F(SweepTest, WhatWasOpenBeforeIsMarkedAndInAgentsGuardsReset) {
  Begin("mode: deny, preexisting: reset");
  kernel_->AddProcess(client_, image_);
  kernel_->sockets.push_back(ServerEnd(kCookie, client_.tgid));
  Cuts cuts(engine_->loop(), *kernel_, *cutter_, engine_->journal(), engine_->guards());
  Sweep sweep(*kernel_, engine_->guards(), engine_->seen(), cuts, engine_->gate(), gaps_, engine_->bench().drain);
  const auto found = sweep.MarkUnrecorded(BELFRY_TAINT_PREEXISTING, 10);
  ASSERT_TRUE(found.ok());
  EXPECT_EQ(*found, 1);
  EXPECT_EQ(kernel_->connections.at(kCookie).record.taints, 1u << BELFRY_TAINT_PREEXISTING);
  Until([&] { return cutter_->cut.size() == 1; });
}

}  // namespace
}  // namespace belfry::engine
