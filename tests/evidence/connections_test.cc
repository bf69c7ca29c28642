#include "evidence/connections.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/fake_kernel.h"

namespace belfry::evidence {
namespace {

using support::WithHeader;

belfry_event_connect Connect(uint64_t cookie, uint32_t tgid, uint32_t guard = 0) {
  belfry_event_connect event{};
  event.cookie = cookie;
  event.connection = support::Connection(support::Pin(tgid, 1, 1), support::File(1), guard);
  return WithHeader(event, BELFRY_KIND_CONNECT, cookie);
}

belfry_event_taint Taint(uint64_t cookie, uint32_t taints) {
  belfry_event_taint event{};
  event.cookie = cookie;
  event.taints = taints;
  return WithHeader(event, BELFRY_KIND_TAINT, 1);
}

TEST(Connections, ShowsWhatTheStreamTold) {
  Connections connections;
  connections.Apply(Connect(7, 100));
  connections.Apply(Connect(5, 100));
  connections.Apply(Connect(6, 200, 1));
  connections.Apply(Taint(7, 2));
  connections.Apply(Taint(99, 2));  // of one that we do not know
  EXPECT_EQ(connections.Live(0), 2u);
  ASSERT_EQ(connections.OfProcess(100).size(), 2u);
  EXPECT_EQ(connections.OfProcess(100)[0]->cookie, 5u);
  EXPECT_EQ(connections.Find(7)->record.taints, 2u);
  connections.Close(7, 50);
  connections.Close(7, 60);
  EXPECT_EQ(connections.Live(0), 1u);
  EXPECT_EQ(connections.OfGuard(0).size(), 1u);
  ASSERT_EQ(connections.OfProcess(100).size(), 1u) << "closed ones are no longer of a process";
  EXPECT_EQ(connections.OfProcess(100)[0]->cookie, 5u);
  EXPECT_EQ(connections.Find(7)->closed_ns, 50u);
}

TEST(Connections, TaintsOnlyGrow) {
  Connections connections;
  belfry_connection record = support::Connection(support::Pin(1, 1, 1), support::File(1));
  record.taints = 4;
  connections.Put(7, record, true, 1);
  connections.Apply(Connect(7, 1));  // told later than the look at the map
  EXPECT_EQ(connections.Find(7)->record.taints, 4u);
  record.taints = 1;
  connections.Put(7, record, false, 2);
  EXPECT_EQ(connections.Find(7)->record.taints, 5u);
  EXPECT_FALSE(connections.Find(7)->alive);
  connections.Apply(Connect(7, 1));
  EXPECT_FALSE(connections.Find(7)->alive) << "a cookie is never reused";
}

TEST(Connections, ACorrectedOpenerMovesTheConnection) {
  Connections connections;
  connections.Apply(Connect(7, 100));
  connections.Put(7, support::Connection(support::Pin(200, 1, 1), support::File(1)), true, 1);
  EXPECT_TRUE(connections.OfProcess(100).empty());
  EXPECT_EQ(connections.OfProcess(200).size(), 1u);
  connections.Put(7, support::Connection(support::Pin(200, 1, 1), support::File(1)), false, 2);
  connections.Apply(Connect(7, 200));
  EXPECT_TRUE(connections.OfProcess(200).empty());
}

TEST(Connections, AnUnrecordedOneHasNoRecordToKeep) {
  Connections connections;
  belfry_event_connect event = Connect(7, 1);
  event.header.kind = BELFRY_KIND_UNRECORDED;
  connections.Apply(event);
  EXPECT_EQ(connections.size(), 0u);
}

TEST(Connections, AnEndIsToldOnce) {
  Connections connections;
  std::vector<uint64_t> closed;
  connections.OnClosed([&](const SeenConnection& connection) { closed.push_back(connection.cookie); });
  connections.Apply(Connect(1, 1));
  EXPECT_EQ(connections.live(), 1u);
  connections.Close(1, 9);
  connections.Close(1, 10);
  connections.Close(2, 10);
  EXPECT_THAT(closed, testing::ElementsAre(1));
  EXPECT_EQ(connections.live(), 0u);
}

TEST(Connections, ClosedOnesMakeRoomAndLiveOnesDoNot) {
  Connections connections(2);
  connections.Apply(Connect(1, 1));
  connections.Apply(Connect(2, 1));
  connections.Apply(Connect(3, 1));
  EXPECT_EQ(connections.Find(3), nullptr);
  EXPECT_EQ(connections.not_kept(), 1u);
  connections.Close(1, 9);
  connections.Apply(Connect(4, 1));
  EXPECT_EQ(connections.Find(1), nullptr);
  EXPECT_NE(connections.Find(2), nullptr);
  EXPECT_NE(connections.Find(4), nullptr);
}

}  // namespace
}  // namespace belfry::evidence
