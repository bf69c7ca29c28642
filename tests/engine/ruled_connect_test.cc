// A connect that the kernel part has judged by a guard's rules: what is said of it, and whose word counts.
#include <gmock/gmock.h>

#include "engine/measure.h"
#include "engine/scene.h"

namespace belfry::engine {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class RuledConnect : public Scene {
 protected:
  void Begin(const std::string& text) {
    refuses_use_ = true;
    Scene::Begin(text);
    CollectLines();
    kernel_->AddProcess(client_, image_);
  }
  uint64_t Policy() { return kernel_->rules.at(engine_->guards().ByName("g")->number)->number; }
  belfry_connection ConnectionOf(uint32_t uid, uint32_t rule) {
    belfry_connection connection = support::Connection(client_, image_);
    connection.creds.euid = uid;
    connection.policy = Policy();
    connection.rule = rule;
    return connection;
  }
  void Told(belfry_kind kind, const belfry_connection& connection) {
    belfry_event_connect event{};
    event.connection = connection;
    event.cookie = kind == BELFRY_KIND_BARRED ? 0 : kCookie;
    kernel_->Emit(support::WithHeader(event, kind, 7));
    engine_->bench().drain();
  }
};

TEST_F(RuledConnect, WhoWasRefusedIsNamedWithTheRuleThatCameNearest) {
  Begin("mode: deny, allow: [{name: a, uid: 5}]");
  Told(BELFRY_KIND_BARRED, ConnectionOf(65534, BELFRY_RULE_NONE));
  ASSERT_THAT(lines_, SizeIs(1));
  EXPECT_EQ(lines_[0].action, "refused");
  EXPECT_EQ(lines_[0].outcome, "failure");
  EXPECT_THAT(lines_[0].reasons, ElementsAre("not_allowed"));
  EXPECT_EQ(lines_[0].rule, "a");
  EXPECT_EQ(lines_[0].message, "nearest rule a: uid is 65534, not 5");
  EXPECT_TRUE(lines_[0].violation);
  EXPECT_EQ(lines_[0].pid, client_.tgid);
  EXPECT_EQ(MeasuresOf(*engine_).guards[0].refused[BELFRY_USE_CONNECT], 1u);
  EXPECT_EQ(engine_->seen().connections.live(), 0u) << "there is no connection";
}

TEST_F(RuledConnect, WhoWasRefusedForAPathThatLeadsThereOnlyNowIsToldSo) {
  Begin("mode: deny, allow: [{name: a, uid: 5}]");
  Told(BELFRY_KIND_BARRED, ConnectionOf(5, BELFRY_RULE_NONE));
  ASSERT_THAT(lines_, SizeIs(1));
  EXPECT_EQ(lines_[0].message, "rule a fits it now and did not then: it may try again");
}

// It knew the opener as it was; we might find it gone.
TEST_F(RuledConnect, TheRuleThatTheKernelFoundHolds) {
  Begin("mode: deny, allow: [{name: a, uid: 5}, {name: b, uid: 6, mode: deny}]");
  Told(BELFRY_KIND_CONNECT, ConnectionOf(65534, 0));
  ASSERT_THAT(lines_, SizeIs(1));
  EXPECT_EQ(lines_[0].rule, "a");
  EXPECT_FALSE(lines_[0].violation);
  EXPECT_THAT(cutter_->cut, IsEmpty());
}

TEST_F(RuledConnect, OfAnotherPolicyTheRuleSaysNothing) {
  Begin("mode: deny, allow: [{name: a, uid: 5}]");
  belfry_connection connection = ConnectionOf(65534, 0);
  connection.policy -= 1;
  Told(BELFRY_KIND_CONNECT, connection);
  ASSERT_THAT(lines_, SizeIs(1));
  EXPECT_TRUE(lines_[0].violation);
}

TEST_F(RuledConnect, WhatIsLateIsTheGatesToDecide) {
  Begin("mode: deny, allow: [{name: a, uid: 5}]");
  Told(BELFRY_KIND_CONNECT, ConnectionOf(65534, BELFRY_RULE_LATE));
  ASSERT_THAT(lines_, SizeIs(1));
  EXPECT_TRUE(lines_[0].violation);
}

}  // namespace
}  // namespace belfry::engine
