#include "demo/story.h"

#include <sstream>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace belfry::demo {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

SceneResult Example() {
  SceneResult result;
  result.name = "exec-swap";
  result.title = "An impostor connects, leaves the socket to an accomplice, then becomes the trusted program.";
  result.expected = {"withheld", {"exec_after_connect"}, {""}, {}};
  Request request;
  request.who = "the accomplice";
  request.proc = {"/tmp/belfry-demo.abcdef/bin/payments", std::string(64, 'a'), true, "spiffe://demo.belfry/payments", ""};
  request.verdict = "withheld";
  request.reasons = {"exec_after_connect"};
  result.requests = {request};
  result.ok = true;
  return result;
}

size_t Widest(const std::string& text) {
  std::istringstream lines(text);
  size_t widest = 0;
  for (std::string line; std::getline(lines, line);) widest = std::max(widest, line.size());
  return widest;
}

TEST(Columns, StandSideBySideAndKeepTheWidth) {
  const std::string text = Columns({{"one two three four five six"}, {"b"}, {std::string(200, 'x')}}, 60);
  EXPECT_LE(Widest(text), 60u);
  EXPECT_THAT(text, HasSubstr("one two"));
  EXPECT_THAT(text.substr(0, text.find('\n')), HasSubstr("b"));
}

TEST(TellScene, FitsEveryWidthAndLosesNothing) {
  for (int width : {48, 60, 80, 100, 200}) {
    const std::string text = TellScene(Example(), 6, 20, {width, false});
    EXPECT_LE(Widest(text), static_cast<size_t>(width)) << text;
  }
  const std::string text = TellScene(Example(), 6, 20, {120, false});
  EXPECT_THAT(text, HasSubstr("6/20  exec-swap"));
  EXPECT_THAT(text, HasSubstr(".../bin/payments"));
  EXPECT_THAT(text, HasSubstr("because exec_after_connect"));
  EXPECT_THAT(text, HasSubstr("got nothing"));
}

TEST(TellScene, ColorsOnlyWhenAsked) {
  EXPECT_THAT(TellScene(Example(), 1, 1, {80, false}), Not(HasSubstr("\x1b")));
  EXPECT_THAT(TellScene(Example(), 1, 1, {80, true}), HasSubstr("\x1b[32mok"));
}

TEST(TellScene, ShowsNoHostileBytes) {
  SceneResult result = Example();
  result.requests[0].proc.path = "/tmp/\x1b]0;owned\x07\n";
  EXPECT_THAT(TellScene(result, 1, 1, {80, false}), Not(HasSubstr("\x1b")));
}

TEST(TellScene, SaysWhatIsMissingOrWrong) {
  SceneResult skipped = Example();
  skipped.ok = false;
  skipped.skipped = "no /dev/fuse";
  EXPECT_THAT(TellScene(skipped, 1, 1, {80, false}), HasSubstr("skipped: no /dev/fuse"));
  SceneResult wrong = Example();
  wrong.ok = false;
  wrong.requests[0].identity = "spiffe://demo.belfry/payments";
  EXPECT_THAT(TellScene(wrong, 1, 1, {80, false}), HasSubstr("NOT OK: the accomplice received"));
}

TEST(TellAll, CountsWhatWasPlayed) {
  SceneResult good = Example(), bad = Example(), skipped = Example();
  bad.ok = skipped.ok = false;
  skipped.skipped = "nothing";
  const std::string text = TellAll({good, bad, skipped}, "cgroup", {80, false});
  EXPECT_THAT(text, HasSubstr("1 of 2 scenes ended as backend \"cgroup\" promises, 1 skipped, 1 did NOT."));
}

}  // namespace
}  // namespace belfry::demo
