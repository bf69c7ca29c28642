// A guard's rules in the kernel part's words, what is said of a connect that they refused, and whose word counts.
#include "engine/kernel_rules.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <fstream>

#include "engine/measure.h"
#include "engine/scene.h"

namespace belfry::engine {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class KernelRulesTest : public Scene {
 protected:
  void Begin(const std::string& text) {
    refuses_use_ = true;
    Scene::Begin(text);
    engine_->Follow({.take = [this](const effect::Line& line) { return lines_.push_back(line.entry()), true; },
                     .cancelled = [] { return false; },
                     .ended = [](const absl::Status&) {}});
    kernel_->AddProcess(client_, image_);
  }
  Guard& G() { return *engine_->guards().ByName("g"); }
  const kernel::PolicyRules& Compiled() { return *kernel_->rules.at(G().number); }
  // Whether the first word of rules says so of a value.
  uint64_t Bits(uint32_t field, uint64_t first, uint64_t second = 0) {
    for (const auto& [key, bits] : Compiled().values)
      if (key.field == field && key.first == first && key.second == second) return bits.word[0];
    return 0;
  }
  belfry_connection ConnectionOf(uint32_t uid, uint32_t rule) {
    belfry_connection connection = support::Connection(client_, image_);
    connection.creds.euid = uid;
    connection.policy = Compiled().number;
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

  std::vector<effect::Entry> lines_;
};

TEST_F(KernelRulesTest, AreABitForEachRuleAndAMapForEachField) {
  Begin("mode: deny, allow: [{name: a, uid: 5, gid: [6, 7], userns: host}, {name: b, not: {uid: 5}, mntns: other, mode: deny}]");
  const belfry_policy& policy = Compiled().policy;
  EXPECT_EQ(policy.mode, static_cast<uint32_t>(BELFRY_MODE_DENY));
  EXPECT_EQ(policy.words, 1u);
  EXPECT_EQ(policy.rules.word[0], 3u);
  EXPECT_EQ(policy.unsure.word[0], 0u);
  EXPECT_EQ(policy.denies.word[0], 2u);
  EXPECT_EQ(policy.tells.word[0], 2u);
  EXPECT_EQ(policy.asks, 1u << BELFRY_RULE_UID | 1u << BELFRY_RULE_GID | 1u << BELFRY_RULE_USERNS | 1u << BELFRY_RULE_MNTNS);
  EXPECT_EQ(policy.bars, 1u << BELFRY_RULE_UID);
  EXPECT_EQ(Bits(BELFRY_RULE_UID, 5), 1u);
  EXPECT_EQ(Bits(BELFRY_RULE_UID | BELFRY_RULE_BARS, 5), 2u);
  EXPECT_EQ(Bits(BELFRY_RULE_GID, 7), 1u);
  EXPECT_EQ(Bits(BELFRY_RULE_USERNS, 0), 1u);
  EXPECT_EQ(Bits(BELFRY_RULE_MNTNS, 1), 2u);
  EXPECT_EQ(kernel_->orders.at(G().number).policy, Compiled().number);
  EXPECT_NE(Compiled().number, 0u);
}

TEST_F(KernelRulesTest, WhatTheKernelCannotKnowMakesARuleUnsure) {
  Begin("mode: deny, allow: [{name: a, unit: a.service}, {name: b, uid: 5}, {name: c, uid: 6, not: {pod: 00000000-0000-0000-0000-000000000000}}]");
  EXPECT_EQ(Compiled().policy.unsure.word[0], 5u);
  EXPECT_THAT(DecidedLate(G().config), ElementsAre("unit", "pod"));
}

TEST_F(KernelRulesTest, KeepTheirNumberUntilSomethingOfThemChanges) {
  Begin("mode: deny, allow: [{name: a, uid: 5}]");
  const uint64_t number = Compiled().number;
  EXPECT_EQ(CompileRules(G(), engine_->bench().gate.files())->number, number);
  ASSERT_TRUE(SetMode("g", "warn").ok());
  EXPECT_NE(Compiled().number, number) << "in another mode nobody is refused by what was meant for the first";
}

TEST_F(KernelRulesTest, MoreThanTheKernelPartTakesAreTheGates) {
  std::string rules;
  for (int i = 0; i <= static_cast<int>(BELFRY_RULES_MAX); ++i) rules += "{name: r" + std::to_string(i) + ", uid: " + std::to_string(i) + "}, ";
  Begin("mode: deny, allow: [" + rules + "]");
  EXPECT_THAT(kernel_->rules, IsEmpty());
  EXPECT_EQ(kernel_->orders.at(G().number).policy, 0u);
}

TEST_F(KernelRulesTest, WhoWasRefusedIsNamedWithTheRuleThatCameNearest) {
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

TEST_F(KernelRulesTest, WhoWasRefusedForAPathThatLeadsThereOnlyNowIsToldSo) {
  Begin("mode: deny, allow: [{name: a, uid: 5}]");
  Told(BELFRY_KIND_BARRED, ConnectionOf(5, BELFRY_RULE_NONE));
  ASSERT_THAT(lines_, SizeIs(1));
  EXPECT_EQ(lines_[0].message, "rule a fits it now and did not then: it may try again");
}

// It knew the opener as it was; we might find it gone.
TEST_F(KernelRulesTest, TheRuleThatTheKernelFoundHolds) {
  Begin("mode: deny, allow: [{name: a, uid: 5}, {name: b, uid: 6, mode: deny}]");
  Told(BELFRY_KIND_CONNECT, ConnectionOf(65534, 0));
  ASSERT_THAT(lines_, SizeIs(1));
  EXPECT_EQ(lines_[0].rule, "a");
  EXPECT_FALSE(lines_[0].violation);
  EXPECT_THAT(cutter_->cut, IsEmpty());
}

TEST_F(KernelRulesTest, OfAnotherPolicyTheRuleSaysNothing) {
  Begin("mode: deny, allow: [{name: a, uid: 5}]");
  belfry_connection connection = ConnectionOf(65534, 0);
  connection.policy -= 1;
  Told(BELFRY_KIND_CONNECT, connection);
  ASSERT_THAT(lines_, SizeIs(1));
  EXPECT_TRUE(lines_[0].violation);
}

TEST_F(KernelRulesTest, WhatIsLateIsTheGatesToDecide) {
  Begin("mode: deny, allow: [{name: a, uid: 5}]");
  Told(BELFRY_KIND_CONNECT, ConnectionOf(65534, BELFRY_RULE_LATE));
  ASSERT_THAT(lines_, SizeIs(1));
  EXPECT_TRUE(lines_[0].violation);
}

}  // namespace
}  // namespace belfry::engine
