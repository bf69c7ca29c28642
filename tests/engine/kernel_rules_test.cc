// A guard's rules in the kernel part's words.
#include "engine/kernel_rules.h"

#include <gmock/gmock.h>

#include "engine/scene.h"

namespace belfry::engine {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class KernelRulesTest : public Scene {
 protected:
  void Begin(const std::string& text) {
    refuses_use_ = true;
    Scene::Begin(text);
  }
  Guard& G() { return *engine_->guards().ByName("g"); }
  const kernel::PolicyRules& Compiled() { return *kernel_->rules.at(G().number); }
  // The first 64 of the rules that name the value, or exclude it.
  uint64_t Bits(uint32_t field, uint64_t first, uint64_t second = 0) {
    for (const auto& [key, bits] : Compiled().values)
      if (key.field == field && key.first == first && key.second == second) return bits.word[0];
    return 0;
  }
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
  EXPECT_EQ(WhyLate(G().config), "rules that ask for unit, pod, which the kernel part does not know");
}

// Never silently: in deny it would look like a promise.
TEST_F(KernelRulesTest, ThatHaveNoRoomAreSaid) {
  std::string uids = "0";
  for (int uid = 1; uid <= 33000; ++uid) uids += ", " + std::to_string(uid);
  Begin("mode: deny, allow: [{name: many, uid: [" + uids + "]}]");
  EXPECT_EQ(G().compiled, nullptr);
  EXPECT_EQ(kernel_->orders.at(G().number).policy, 0u);
  EXPECT_THAT(Said(), ::testing::HasSubstr("guard g: the kernel part has no room for the values of its rules"));
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

}  // namespace
}  // namespace belfry::engine
