// What a scrape tells of the engine, and that nobody who connects can add a word to it.
#include <gmock/gmock.h>

#include <set>

#include "effect/metrics.h"
#include "engine/measure.h"
#include "engine/scene.h"
#include "support/exposition.h"

namespace belfry::engine {
namespace {

using support::ValueOf;
using Labels = std::map<std::string, std::string>;

class MeasureTest : public Scene {
 protected:
  std::string Text() {
    std::string text;
    engine_->Measure([&](std::function<std::string()> make) { text = make(); });
    Until([&] { return !text.empty(); });
    return text;
  }
  double Value(const std::string& name, const Labels& labels) { return ValueOf(Text(), name, labels); }

  void EmitConnect(uint64_t cookie, const belfry_connection& record) {
    belfry_event_connect event{};
    event.cookie = cookie;
    event.connection = record;
    kernel_->Emit(support::WithHeader(event, BELFRY_KIND_CONNECT, 1));
  }
};

TEST_F(MeasureTest, AConnectIsCountedOnceHoweverItBecameKnown) {
  Begin();
  AddClient();
  EmitConnect(kCookie, kernel_->connections[kCookie].record);
  EXPECT_EQ(Value("belfry_connects_total", {{"guard", "g"}}), 1);
  engine_->seen().connections.Put(kCookie, kernel_->connections[kCookie].record, true, 2);  // as the sweep does
  engine_->seen().connections.Put(kCookie + 1, support::Connection(client_, image_), true, 2);
  EXPECT_EQ(Value("belfry_connects_total", {{"guard", "g"}}), 2);
  EXPECT_EQ(Value("belfry_connections", {{"guard", "g"}}), 2);
  engine_->seen().connections.Close(kCookie, 3);
  EXPECT_EQ(Value("belfry_connects_total", {{"guard", "g"}}), 2);
  EXPECT_EQ(Value("belfry_connections", {{"guard", "g"}}), 1);
}

TEST_F(MeasureTest, VerdictsAreCountedWithTheirReasonAndTime) {
  Begin();
  AddClient();
  ASSERT_TRUE(Judge().ok());
  kernel_->connections[kCookie].record.taints = 1u << BELFRY_TAINT_FOREIGN_SENDER;
  ASSERT_TRUE(Judge().ok());
  const std::string text = Text();
  EXPECT_EQ(ValueOf(text, "belfry_verdicts_total", {{"guard", "g"}, {"verdict", "sound"}}), 1);
  EXPECT_EQ(ValueOf(text, "belfry_verdicts_total", {{"guard", "g"}, {"verdict", "withheld"}}), 1);
  EXPECT_EQ(ValueOf(text, "belfry_withheld_total", {{"guard", "g"}, {"reason", "foreign_sender"}}), 1);
  EXPECT_EQ(ValueOf(text, "belfry_cuts_total", {{"guard", "g"}}), 1);
  EXPECT_EQ(ValueOf(text, "belfry_verdict_seconds_count", {}), 2);
}

TEST_F(MeasureTest, WhatDenyWouldHaveDoneIsNoRefusal) {
  Begin("mode: observe");
  AddClient();
  kernel_->connections[kCookie].record.taints = 1u << BELFRY_TAINT_FOREIGN_SENDER;
  ASSERT_TRUE(Judge().ok());
  const std::string text = Text();
  EXPECT_EQ(ValueOf(text, "belfry_would_withhold_total", {{"guard", "g"}, {"reason", "foreign_sender"}}), 1);
  EXPECT_EQ(ValueOf(text, "belfry_withheld_total", {{"guard", "g"}, {"reason", "foreign_sender"}}), -1);
}

TEST_F(MeasureTest, TaintsAndRefusalsAreCountedByKind) {
  Begin("mode: observe");
  AddClient();
  belfry_event_taint taint{};
  taint.cookie = kCookie;
  taint.taints = 1u << BELFRY_TAINT_FD_TRANSFERRED;
  kernel_->Emit(support::WithHeader(taint, BELFRY_KIND_TAINT, 1));
  belfry_event_refused refused{};
  refused.cookie = kCookie;
  refused.use = BELFRY_USE_RECEIVE;
  kernel_->Emit(support::WithHeader(refused, BELFRY_KIND_REFUSED, 2));
  refused.use = 99;  // of a newer kernel part
  kernel_->Emit(support::WithHeader(refused, BELFRY_KIND_REFUSED, 3));
  belfry_connection record = support::Connection(client_, image_);
  record.taints = 1u << BELFRY_TAINT_PREEXISTING;
  EmitConnect(kCookie + 1, record);
  const std::string text = Text();
  EXPECT_EQ(ValueOf(text, "belfry_taints_total", {{"guard", "g"}, {"taint", "fd_transferred"}}), 1);
  EXPECT_EQ(ValueOf(text, "belfry_taints_total", {{"guard", "g"}, {"taint", "preexisting"}}), 1);
  EXPECT_EQ(ValueOf(text, "belfry_tainted_connections", {{"guard", "g"}, {"taint", "preexisting"}}), 1);
  EXPECT_EQ(ValueOf(text, "belfry_refused_total", {{"guard", "g"}, {"use", "receive"}}), 1);
}

// A thousand strangers of a thousand users, whose every word would break out of a label: not one series more.
TEST_F(MeasureTest, NobodyWhoConnectsAddsASeries) {
  Begin("mode: observe");
  AddClient();
  kernel_->connections[kCookie].record.taints = 1u << BELFRY_TAINT_FOREIGN_SENDER;
  EmitConnect(kCookie, kernel_->connections[kCookie].record);
  ASSERT_TRUE(Judge().ok());
  const size_t before = support::SeriesOf(Text()).size();
  for (uint32_t i = 0; i < 1000; ++i) {
    const belfry_pin pin = support::Pin(100000 + i, i + 1, 7);
    kernel_->AddProcess(pin, support::File(5000 + i));
    belfry_connection record = support::Connection(pin, support::File(5000 + i));
    record.creds.uid = record.creds.euid = 70000 + i;
    record.taints = 1u << BELFRY_TAINT_FOREIGN_SENDER;
    support::SetText(record.comm, "evil\"}\n# {" + std::to_string(i));
    kernel_->AddConnection(10000 + i, record);
    EmitConnect(10000 + i, record);
  }
  const std::string text = Text();
  EXPECT_EQ(ValueOf(text, "belfry_connects_total", {{"guard", "g"}}), 1001);
  EXPECT_EQ(support::SeriesOf(text).size(), before);
  EXPECT_THAT(text, ::testing::Not(::testing::HasSubstr("evil")));
  EXPECT_THAT(text, ::testing::Not(::testing::HasSubstr("7000")));
}

TEST_F(MeasureTest, AfterTheLoopHasStoppedTheAnswerIsEmpty) {
  Begin();
  engine_->Stop();
  engine_->Run();
  bool empty = false;
  engine_->Measure([&](std::function<std::string()> make) { empty = make == nullptr; });
  EXPECT_TRUE(empty);
}

}  // namespace
}  // namespace belfry::engine
