// The compiled rules against a plain evaluator that lives only here: the same answer for random policies and processes.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <iostream>
#include <random>

#include "absl/strings/str_split.h"
#include "verdict/policy.h"

namespace belfry::verdict {
namespace {

using enum Field;
using Random = std::minstd_rand;

// ---- the reference: reads the rules as the manual tells them ----

using Parts = std::vector<std::string>;
Parts PartsOf(const std::string& path) { return absl::StrSplit(path, '/', absl::SkipEmpty()); }

// Only "*" alone and "x*" are made below.
bool PartFits(const std::string& glob, const std::string& part) {
  if (glob.back() != '*') return glob == part;
  return part.compare(0, glob.size() - 1, glob, 0, glob.size() - 1) == 0;
}

bool PathFits(const Parts& glob, size_t g, const Parts& path, size_t p, size_t anchored, bool in_doubt) {
  if (g == glob.size()) return p == path.size();
  if (glob[g] == "**")
    return PathFits(glob, g + 1, path, p, anchored, in_doubt) ||
           (p < path.size() && PathFits(glob, g, path, p + 1, anchored, in_doubt));
  if (p == path.size()) return false;
  return (p < anchored ? PartFits(glob[g], path[p]) : in_doubt) && PathFits(glob, g + 1, path, p + 1, anchored, in_doubt);
}

bool ValueHolds(const Value& value, const Opener& opener, bool in_doubt) {
  for (const std::string& found : opener[value.field()].values) {
    if (value.field() == kCgroup) {
      if (PathFits(PartsOf(value.text()), 0, PartsOf(found), 0, opener.cgroup_anchored, in_doubt)) return true;
    } else if (found == value.text()) {
      return true;
    }
  }
  return false;
}

bool FieldHolds(const Rule& rule, Field field, const Opener& opener) {
  bool asked = false, held = false;
  for (const Value& value : rule.all()) {
    if (value.field() != field) continue;
    asked = true;
    held = held || ValueHolds(value, opener, false);
  }
  for (const Value& value : rule.none())
    if (value.field() == field && (!opener[field].unknown.empty() || ValueHolds(value, opener, true))) return false;
  return !asked || held;
}

bool Asks(const Rule& rule, Field field) {
  return !ValuesOf(rule.all(), field).empty() || !ValuesOf(rule.none(), field).empty();
}

Decision Reference(const std::vector<Rule>& rules, const Opener& opener) {
  Decision decision;
  std::pair<int, int> best;  // fewest that fail, most that hold
  for (size_t i = 0; i < rules.size(); ++i) {
    int fails = 0, holds = 0;
    for (const Field field : kEveryField)
      if (Asks(rules[i], field)) ++(FieldHolds(rules[i], field, opener) ? holds : fails);
    if (fails == 0) return {.rule = i};
    const std::pair<int, int> rank(-fails, holds);
    if (!decision.nearest || rank > best) {
      best = rank;
      decision.nearest = i;
    }
  }
  return decision;
}

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
