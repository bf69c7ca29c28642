// The compiled rules against a plain evaluator that lives only here: the same answer for random policies and processes.
#include <gtest/gtest.h>

#include <chrono>
#include <iostream>
#include <random>

#include "verdict/reference.h"

namespace belfry::verdict {
namespace {

using enum Field;
using Random = std::minstd_rand;

// ---- random policies and processes over few values, so that they meet ----

std::string AnyOf(Field field, Random& random) {
  const auto pick = [&](std::initializer_list<const char*> texts) { return std::string(texts.begin()[random() % texts.size()]); };
  switch (field) {
    case kExe: case kScript: case kAncestor: return pick({"/bin/a", "/bin/b", "/bin/c", "/bin/d"});
    case kSha256: case kContainer: return std::string(64, "abcd"[random() % 4]);
    case kUid: case kGid: return pick({"0", "1", "1000", "65534"});
    case kUnit: return pick({"a.service", "b.service", "c.scope"});
    case kPod: return std::string(32, "abc"[random() % 3]);
    case kCgroup: {
      std::string path;
      for (unsigned depth = random() % 4 + 1; depth > 0; --depth) path += "/" + pick({"a", "ab", "b", "c"});
      return path;
    }
    case kNetns: case kMntns: case kUserns: return pick({"host", "other"});
  }
  return "";
}

std::string PatternOf(Field field, Random& random) {
  if (field != kCgroup) return AnyOf(field, random);
  const char* const parts[] = {"a", "ab", "b", "*", "a*", "**"};
  std::string path;
  for (unsigned depth = random() % 4 + 1; depth > 0; --depth) path += std::string("/") + parts[random() % 6];
  return path;
}

std::vector<Rule> RandomRules(Random& random, size_t most) {
  std::vector<Rule> rules;
  for (size_t wanted = random() % (most + 1); rules.size() < wanted;) {
    Asked all, none;
    for (const Field field : kEveryField) {
      while (random() % 4 == 0) all.emplace_back(field, PatternOf(field, random));
      while (random() % 12 == 0) none.emplace_back(field, PatternOf(field, random));
    }
    auto rule = Rule::Of({.name = "r", .all = ValuesFrom(all), .none = ValuesFrom(none)});
    if (rule.ok()) rules.push_back(*std::move(rule));
  }
  return rules;
}

Opener RandomOpener(Random& random) {
  Opener opener;
  for (const Field field : kEveryField) {
    const bool several = field == kGid || field == kAncestor;
    if (random() % 8 != 0) opener[field].values.push_back(AnyOf(field, random));
    while (several && random() % 2 == 0) opener[field].values.push_back(AnyOf(field, random));
    if (random() % 8 == 0) opener[field].unknown = "x";
  }
  opener.cgroup_anchored = random() % 6;
  return opener;
}

TEST(RulesReference, ThousandPoliciesTimesThousandProcesses) {
  Random random(20261126);
  std::vector<Opener> openers;
  for (int i = 0; i < 1000; ++i) openers.push_back(RandomOpener(random));
  size_t fit = 0, not_first = 0, differ = 0;
  for (int policy = 0; policy < 1000; ++policy) {
    const std::vector<Rule> plain = RandomRules(random, policy % 10 == 0 ? 150 : 8);  // beyond two words of bits too
    const Rules rules(plain);
    for (const Opener& opener : openers) {
      const Decision is = rules.Decide(opener), should = Reference(plain, opener);
      fit += should.rule.has_value();
      not_first += should.rule.value_or(0) > 0 || should.nearest.value_or(0) > 0;
      if (is.rule == should.rule && is.nearest == should.nearest) continue;
      if (++differ < 5) ADD_FAILURE() << "policy " << policy << " of " << plain.size() << " rules";
    }
  }
  EXPECT_EQ(differ, 0u);
  EXPECT_GT(fit, 10'000u) << "else this compares nothing";
  EXPECT_GT(not_first, 100'000u);
}

// Not a promise about time: the figures are for the reader of the log.
TEST(RulesReference, TenThousandRules) {
  Random random(7);
  std::vector<Rule> plain;
  for (int i = 0; i < 10'000; ++i)
    plain.push_back(RuleFrom({{kExe, "/opt/service-" + std::to_string(i)}, {kUid, std::to_string(i)}, {kCgroup, "/s.slice/" + std::to_string(i) + ".service/**"}}));
  const auto began = std::chrono::steady_clock::now();
  const Rules rules(std::move(plain));
  const auto compiled = std::chrono::steady_clock::now();
  Opener opener = OpenerOf({{kExe, "/opt/service-9999"}, {kUid, "9999"}, {kCgroup, "/s.slice/9999.service/x"}});
  EXPECT_EQ(rules.Decide(opener).rule, 9999u);
  opener[kUid].values = {"3"};
  constexpr int kTimes = 1000;
  for (int i = 0; i < kTimes; ++i) ASSERT_EQ(rules.Decide(opener).nearest, 9999u);
  const auto decided = std::chrono::steady_clock::now();
  const auto micros = [](auto span) { return std::chrono::duration_cast<std::chrono::microseconds>(span).count(); };
  std::cout << "10,000 rules: compiled in " << micros(compiled - began) / 1000 << " ms; a decision with the nearest rule "
            << micros(decided - compiled) / kTimes << " us\n";
}

}  // namespace
}  // namespace belfry::verdict
