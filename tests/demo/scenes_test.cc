#include "demo/scenes.h"

#include <set>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "verdict/soundness.h"

namespace belfry::demo {
namespace {

// Point 5 of the issue that asked for the demo.
const std::set<std::string> kPromised = {
    "honest",       "two-honest",  "upgrade",       "leader-gone",  "spawning",       "exec-swap",   "exec-swap-thread",
    "slow-exec",    "scm-rights",  "pidfd-getfd",   "opener-exited", "zombie-opener", "pid-reuse",   "second-connect",
    "exe-swap",     "foreign-loader", "private-mount", "preload",   "preload-withheld", "agent-restart"};

TEST(Scenes, EveryPromisedOneIsThereOnce) {
  std::multiset<std::string> names;
  for (const Scene& scene : Scenes()) names.insert(scene.name);
  EXPECT_EQ(std::set<std::string>(names.begin(), names.end()), kPromised);
  EXPECT_EQ(names.size(), kPromised.size());
}

TEST(Scenes, EachHasATitleAPlayAndAnExpectation) {
  for (const Scene& scene : Scenes()) {
    EXPECT_NE(scene.play, nullptr) << scene.name;
    EXPECT_FALSE(scene.expected.verdict.empty()) << scene.name;
    EXPECT_FALSE(scene.expected.identity.empty()) << scene.name;
    EXPECT_THAT(scene.title, ::testing::EndsWith(".")) << scene.name;
  }
}

// A row that withholds says why, in the words of the taints, and gives nothing.
TEST(Scenes, WhatIsWithheldNamesItsReasons) {
  std::set<std::string> known{"no_such_process"};
  for (int taint = 0; taint < BELFRY_TAINT_COUNT; ++taint) known.insert(verdict::TaintName(taint));
  for (const Scene& scene : Scenes()) {
    if (scene.expected.verdict != "withheld") continue;
    EXPECT_FALSE(scene.expected.reasons.empty()) << scene.name;
    for (const std::string& reason : scene.expected.reasons) EXPECT_TRUE(known.count(reason)) << reason;
    EXPECT_THAT(scene.expected.identity, ::testing::ElementsAre("")) << scene.name;
  }
}

}  // namespace
}  // namespace belfry::demo
