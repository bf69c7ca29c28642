#include "demo/result.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace belfry::demo {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

SceneResult Sound(const std::string& identity) {
  SceneResult result;
  result.expected = {"sound", {}, {"payments"}, {}};
  Request request;
  request.who = "payments";
  request.verdict = "sound";
  request.identity = identity;
  result.requests.push_back(request);
  return result;
}

TEST(Differs, NothingWhenTheIdentityIsTheOnePromised) { EXPECT_EQ(Differs(Sound("spiffe://demo.belfry/payments")), ""); }

TEST(Differs, WhenAnotherIdentityWasReceived) {
  EXPECT_THAT(Differs(Sound("spiffe://demo.belfry/billing")), HasSubstr("received"));
  EXPECT_THAT(Differs(Sound("")), HasSubstr("received nothing"));
}

TEST(Differs, WhenAnImpostorReceivedAnythingEvenIfBelfrySaidWithheld) {
  SceneResult result = Sound("spiffe://demo.belfry/payments");
  result.expected = {"withheld", {"exec_after_connect"}, {""}, {}};
  result.requests[0].verdict = "withheld";
  result.requests[0].reasons = {"exec_after_connect"};
  EXPECT_THAT(Differs(result), HasSubstr("received"));
}

TEST(Differs, WhenTheReasonIsNoneOfThosePromised) {
  SceneResult result = Sound("");
  result.expected = {"withheld", {"exec_after_connect", "ambiguous"}, {""}, {}};
  result.requests[0].verdict = "withheld";
  result.requests[0].reasons = {"unrecorded"};
  EXPECT_THAT(Differs(result), HasSubstr("unrecorded"));
  result.requests[0].reasons = {"ambiguous", "fd_transferred"};
  EXPECT_EQ(Differs(result), "");
}

TEST(Differs, WhenClassBWasNotShown) {
  SceneResult result = Sound("spiffe://demo.belfry/payments");
  result.expected.noted = {"untrusted_code"};
  EXPECT_THAT(Differs(result), HasSubstr("untrusted_code"));
  result.requests[0].noted = {"untrusted_code"};
  EXPECT_EQ(Differs(result), "");
}

TEST(Differs, EveryRequestCountsAndEachHasItsOwnIdentity) {
  SceneResult result = Sound("spiffe://demo.belfry/payments");
  result.expected.identity = {"payments", "billing"};
  result.requests.push_back(result.requests[0]);
  EXPECT_THAT(Differs(result), HasSubstr("received"));
  result.requests[1].identity = "spiffe://demo.belfry/billing";
  EXPECT_EQ(Differs(result), "");
}

TEST(Differs, NobodyAskedIsNoSuccess) {
  SceneResult result;
  EXPECT_THAT(Differs(result), HasSubstr("nobody"));
  result.trouble = "the play broke off";
  EXPECT_EQ(Differs(result), "the play broke off");
}

TEST(ReasonsIn, FindsWholeNamesInTheOrderOfTheTaints) {
  EXPECT_THAT(ReasonsIn("withheld pid 7: opener_exited,exec_after_connect; belfry explain 7"),
              ElementsAre("exec_after_connect", "opener_exited"));
  EXPECT_THAT(ReasonsIn("no_such_process"), ElementsAre("no_such_process"));
  EXPECT_THAT(ReasonsIn("not_exec_after_connect_at_all, untraced"), IsEmpty());
}

TEST(ResultJson, HasTheFieldsThatOthersReadAndNothingRaw) {
  SceneResult result = Sound("spiffe://demo.belfry/payments");
  result.name = "honest";
  result.requests[0].proc = {"/bin/pay\x1b[31m", "ab", true, "spiffe://demo.belfry/payments", ""};
  const Json json = ReportJson("cgroup", {result});
  EXPECT_EQ(json["schema"], 1);
  EXPECT_EQ(json["backend"], "cgroup");
  const Json scene = json["scenes"][0];
  for (const char* field : {"name", "proc_says", "verdict", "reasons", "identity", "expected", "ok"}) {
    EXPECT_TRUE(scene.contains(field)) << field;
  }
  for (const char* field : {"path", "sha256", "would_issue"}) EXPECT_TRUE(scene["proc_says"].contains(field)) << field;
  EXPECT_EQ(scene["proc_says"]["path"].get<std::string>().find('\x1b'), std::string::npos);
  EXPECT_FALSE(scene.contains("skipped"));
}

TEST(RequestFrom, ReadsTheAgentsEvent) {
  const Json event = {{"event", "answered"},
                      {"code", 7},
                      {"message", "guard g pid 9: exec_after_connect"},
                      {"proc_says", {{"path", "/p"}, {"sha256", "cd"}, {"would_issue", true}, {"identity", "spiffe://x"}}}};
  const Request request = RequestFrom(event);
  EXPECT_EQ(request.verdict, "withheld");
  EXPECT_THAT(request.reasons, ElementsAre("exec_after_connect"));
  EXPECT_TRUE(request.proc.would_issue);
  EXPECT_EQ(RequestFrom({{"code", 0}}).verdict, "sound");
  EXPECT_EQ(RequestFrom({{"code", 14}}).verdict, "unavailable");
}

}  // namespace
}  // namespace belfry::demo
