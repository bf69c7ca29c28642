// What each field asks, what is not known, which rule is first, which is nearest, and how that is said.
#include "verdict/rules.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "verdict/policy.h"
#include "verdict/rule_words.h"

namespace belfry::verdict {
namespace {

using enum Field;
using testing::ElementsAre;
using testing::HasSubstr;

const std::string kHex(64, 'a');

bool Fits(const Rule& rule, const Opener& opener) { return Rules({rule}).Decide(opener).rule.has_value(); }

TEST(Value, IsSpeltInOneWay) {
  EXPECT_EQ(Value::Of(kExe, "//usr/./bin//x")->text(), "/usr/bin/x");
  EXPECT_EQ(Value::Of(kUid, "007")->text(), "7");
  EXPECT_EQ(Value::Of(kSha256, std::string(64, 'A'))->text(), kHex);
  EXPECT_EQ(Value::Of(kCgroup, "/a.slice/**/")->text(), "/a.slice/**");
}

TEST(Value, CannotBeWrong) {
  const std::pair<Field, std::string> wrong[] = {
      {kExe, ""}, {kExe, "x"}, {kExe, "/"}, {kExe, "/usr/"}, {kExe, "/a/../b"}, {kExe, std::string("/a\0b", 4)},
      {kExe, "/" + std::string(4095, 'x')}, {kScript, "./x.sh"}, {kSha256, "abc"}, {kSha256, std::string(64, 'g')},
      {kUid, "-1"}, {kUid, "+1"}, {kUid, " 1"}, {kUid, "4294967295"}, {kUid, "4294967296"}, {kUid, ""}, {kGid, "docker"},
      {kUnit, "ssh"}, {kUnit, ".service"}, {kUnit, "a b.service"}, {kUnit, "a/b.service"}, {kCgroup, "a"},
      {kCgroup, "/a**"}, {kCgroup, "/a/../b"}, {kContainer, "3f"}, {kPod, "x"}, {kNetns, "yes"}, {kMntns, ""}};
  for (const auto& [field, text] : wrong) EXPECT_FALSE(Value::Of(field, text)) << FieldKey(field) << " " << text;
}

TEST(Rule, AsksSomethingAndDoesNotContradictItself) {
  EXPECT_EQ(Rule::Of({}).status().message(), "a rule that asks nothing");
  const auto contradiction = Rule::Of({.all = ValuesFrom({{kUid, "0"}, {kUid, "1"}}), .none = ValuesFrom({{kUid, "1"}})});
  EXPECT_EQ(contradiction.status().message(), "a rule that fits nobody: uid 1 is asked for and excluded");
  EXPECT_TRUE(Rule::Of({.none = ValuesFrom({{kUid, "0"}})}).ok());
}

TEST(Rules, OfOneFieldOneValueIsEnoughAndEveryFieldMustHold) {
  const Rule rule = RuleFrom({{kExe, "/a"}, {kExe, "/b"}, {kUid, "5"}});
  EXPECT_TRUE(Fits(rule, OpenerOf({{kExe, "/b"}, {kUid, "5"}})));
  EXPECT_FALSE(Fits(rule, OpenerOf({{kExe, "/c"}, {kUid, "5"}})));
  EXPECT_FALSE(Fits(rule, OpenerOf({{kExe, "/a"}, {kUid, "6"}})));
  EXPECT_FALSE(Fits(rule, OpenerOf({})));
}

TEST(Rules, SupplementaryGroupsAndAncestorsAreSeveral) {
  EXPECT_TRUE(Fits(RuleFrom({{kGid, "27"}}), OpenerOf({{kGid, "100"}, {kGid, "27"}})));
  EXPECT_TRUE(Fits(RuleFrom({{kAncestor, "/sbin/sshd"}}), OpenerOf({{kAncestor, "/bin/sh"}, {kAncestor, "/sbin/sshd"}})));
}

// Neither so nor not so.
TEST(Rules, WhatIsNotKnownMeetsNothing) {
  Opener opener = OpenerOf({{kUid, "0"}, {kGid, "5"}});
  opener[kExe] = Fact::Unknown("older than Belfry");
  opener[kGid].unknown = "it has ended";
  EXPECT_FALSE(Fits(RuleFrom({{kExe, "/a"}}), opener));
  EXPECT_FALSE(Fits(RuleFrom({{kUid, "0"}}, {{kExe, "/a"}}), opener));
  EXPECT_TRUE(Fits(RuleFrom({{kGid, "5"}}), opener)) << "what is known counts";
  EXPECT_FALSE(Fits(RuleFrom({{kUid, "0"}}, {{kGid, "6"}}), opener)) << "it may have that group too";
}

TEST(Rules, NotExcludes) {
  const Rule rule = RuleFrom({{kGid, "5"}}, {{kUid, "0"}, {kExe, "/bin/nc"}});
  EXPECT_TRUE(Fits(rule, OpenerOf({{kGid, "5"}, {kUid, "1"}, {kExe, "/a"}})));
  EXPECT_FALSE(Fits(rule, OpenerOf({{kGid, "5"}, {kUid, "0"}, {kExe, "/a"}})));
  EXPECT_FALSE(Fits(rule, OpenerOf({{kGid, "5"}, {kUid, "1"}, {kExe, "/bin/nc"}})));
  EXPECT_TRUE(Fits(RuleFrom({{kGid, "5"}}, {{kUnit, "a.service"}}), OpenerOf({{kGid, "5"}}))) << "known to be in none";
}

struct Pattern {
  const char *pattern, *path;
  bool fits;
};
TEST(Rules, CgroupPatterns) {
  const Pattern patterns[] = {
      {"/a/b", "/a/b", true},          {"/a/b", "/a/b/c", false},      {"/a/*", "/a/b", true},
      {"/a/*", "/a", false},           {"/a/*", "/a/b/c", false},      {"/a/**", "/a/b/c", true},
      {"/a/**", "/a", true},           {"/**/c", "/a/b/c", true},      {"/**/c", "/c", true},
      {"/a/**/d/**", "/a/d", true},    {"/a/**/d/**", "/a/b/c", false}, {"/a/x-*.service", "/a/x-1.service", true},
      {"/a/[bc]", "/a/c", true},       {"/a/[bc]", "/a/d", false},     {"/**", "/", true},
      {"/", "/", true},                {"/", "/a", false},             {"/a/**/**/b", "/a/b", true},
      {"/a/?", "/a/bb", false},        {"/**/b/*", "/b/b/b", true}};
  for (const auto& [pattern, path, fits] : patterns)
    EXPECT_EQ(Fits(RuleFrom({{kCgroup, pattern}}), OpenerOf({{kCgroup, path}})), fits) << pattern << " " << path;
}

// A user may call a cgroup below its own service manager as it likes.
TEST(Rules, NamesThatOthersChoseDoNotCount) {
  Opener opener = OpenerOf({{kCgroup, "/user.slice/own/kubepods.slice"}});
  opener.cgroup_anchored = 1;
  EXPECT_FALSE(Fits(RuleFrom({{kCgroup, "/**/kubepods.slice"}}), opener));
  EXPECT_FALSE(Fits(RuleFrom({{kCgroup, "/user.slice/own/*"}}), opener));
  EXPECT_TRUE(Fits(RuleFrom({{kCgroup, "/user.slice/**"}}), opener));
  EXPECT_FALSE(Fits(RuleFrom({{kCgroup, "/user.slice/**"}}, {{kCgroup, "/user.slice/a/b"}}), opener)) << "it may be that";
  EXPECT_TRUE(Fits(RuleFrom({{kCgroup, "/user.slice/**"}}, {{kCgroup, "/user.slice/a"}}), opener)) << "it is deeper";
}

TEST(Rules, TheFirstThatFitsDecides) {
  const Rules rules({RuleFrom({{kExe, "/a"}}, {}, Mode::kDeny), RuleFrom({{kUid, "0"}}), RuleFrom({{kUid, "1"}}, {}, Mode::kWarn)});
  const auto ruling = [&](const Opener& opener, Mode guard) { return RulingOf(rules, rules.Decide(opener), guard); };
  EXPECT_FALSE(ruling(OpenerOf({{kExe, "/a"}, {kUid, "0"}}), Mode::kWarn).allowed);
  EXPECT_EQ(ruling(OpenerOf({{kExe, "/a"}, {kUid, "0"}}), Mode::kWarn).mode, Mode::kDeny);
  EXPECT_EQ(ruling(OpenerOf({{kExe, "/a"}, {kUid, "0"}}), Mode::kObserve).mode, Mode::kObserve) << "the off switch";
  EXPECT_TRUE(ruling(OpenerOf({{kExe, "/b"}, {kUid, "0"}}), Mode::kDeny).allowed);
  EXPECT_FALSE(ruling(OpenerOf({{kExe, "/b"}, {kUid, "1"}}), Mode::kDeny).allowed);
  EXPECT_EQ(ruling(OpenerOf({{kExe, "/b"}, {kUid, "1"}}), Mode::kDeny).mode, Mode::kWarn);
  EXPECT_FALSE(ruling(OpenerOf({{kExe, "/b"}, {kUid, "2"}}), Mode::kDeny).allowed);
  EXPECT_EQ(ruling(OpenerOf({{kExe, "/b"}, {kUid, "2"}}), Mode::kDeny).mode, Mode::kDeny);
}

TEST(Rules, NoRuleAllowsNobody) {
  const Decision decision = Rules({}).Decide(OpenerOf({{kUid, "0"}}));
  EXPECT_FALSE(decision.rule);
  EXPECT_FALSE(decision.nearest);
}

TEST(Rules, ADigestOnItsWayLeavesItOpenOnlyWhereItMatters) {
  Opener opener = OpenerOf({{kExe, "/a"}, {kUid, "0"}});
  opener[kSha256] = Fact::Unknown("it is being computed");
  opener.digest_pending = true;
  const Rule by_digest = RuleFrom({{kExe, "/a"}, {kSha256, kHex}});
  EXPECT_TRUE(Rules({by_digest}).Decide(opener).undecided);
  EXPECT_TRUE(Rules({RuleFrom({{kUid, "0"}}, {{kSha256, kHex}})}).Decide(opener).undecided);
  EXPECT_FALSE(Rules({RuleFrom({{kUid, "0"}}), by_digest}).Decide(opener).undecided) << "allowed already";
  EXPECT_FALSE(Rules({RuleFrom({{kExe, "/b"}, {kSha256, kHex}})}).Decide(opener).undecided) << "fails anyway";
}

TEST(Rules, TheNearestIsToldFieldByField) {
  const Rules rules({RuleFrom({{kGid, "999"}}, {}, {}, "docker"),
                     RuleFrom({{kExe, "/usr/bin/payments"}, {kUid, "70"}}, {{kUnit, "x.service"}}, {}, "payments"),
                     RuleFrom({{kExe, "/usr/bin/billing"}, {kUid, "70"}, {kUserns, "host"}}, {}, {}, "billing")});
  Opener opener = OpenerOf({{kExe, "/usr/bin/curl"}, {kUid, "70"}, {kGid, "70"}, {kUnit, "y.service"}});
  Decision decision = rules.Decide(opener);
  EXPECT_EQ(decision.nearest, 1u) << "one field fails, as of docker, and two hold";
  EXPECT_EQ(WhyNot(rules, decision, opener), "nearest rule payments: exe is /usr/bin/curl, not /usr/bin/payments");
  opener[kExe] = Fact::Unknown("its exec was not seen");
  opener[kUnit].values = {"x.service"};
  EXPECT_EQ(WhyNot(rules, {.nearest = 1}, opener),
            "nearest rule payments: exe is not known: its exec was not seen, not /usr/bin/payments; unit is x.service; not: x.service");
  EXPECT_EQ(WhyNot(Rules({}), {}, opener), "nobody but its own listener may connect");
}

TEST(Rules, ManyValuesAreToldShortAndEscaped) {
  Asked asked;
  for (char c = 'a'; c < 'k'; ++c) asked.emplace_back(kExe, std::string("/bin/") + c);
  Opener opener = OpenerOf({{kExe, "/tmp/\x1b[2J\n"}});
  const auto compared = Compare(RuleFrom(asked), opener);
  ASSERT_EQ(compared.size(), 1u);
  EXPECT_EQ(Mismatch(compared[0]), "exe is /tmp/\\x1b[2J\\x0a, not /bin/a or /bin/b or /bin/c or 7 more");
}

}  // namespace
}  // namespace belfry::verdict
