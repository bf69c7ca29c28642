// The attacks are real: against an agent that believes /proc, as SPIRE's built-in does, they earn the identity.
// A scene whose attack is broken would prove nothing about Belfry. Needs root, and no belfryd.
#include <unistd.h>

#include <map>

#include "demo/scenes.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace belfry::demo {
namespace {

constexpr char kPayments[] = "spiffe://demo.belfry/payments";

class Stock : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    const std::string bin = std::string(BELFRY_BUILD_DIR) + "/bin/";
    Programs programs{bin + "belfryd", bin + "belfry-spire-plugin", bin + "belfry-demo-actor",
                      bin + "belfry-demo-foreign.so"};
    if (geteuid() != 0 || access(programs.actor.c_str(), X_OK) != 0) return;
    auto stage = Stage::Set({.programs = programs, .with_belfry = false});
    ASSERT_TRUE(stage.ok()) << stage.status();
    stage_ = stage->release();
  }
  static void TearDownTestSuite() {
    delete stage_;
    stage_ = nullptr;
  }
  void SetUp() override {
    if (stage_ == nullptr) GTEST_SKIP() << "needs root and the built belfry-demo-actor";
  }
  static SceneResult Played(const std::string& name) {
    for (const Scene& scene : Scenes()) {
      if (name == scene.name) return Play(scene, *stage_);
    }
    return {};
  }
  static Stage* stage_;
};
Stage* Stock::stage_ = nullptr;

class StockServes : public Stock, public ::testing::WithParamInterface<const char*> {};

TEST_P(StockServes, TheImpostor) {
  const SceneResult result = Played(GetParam());
  if (!result.skipped.empty()) GTEST_SKIP() << result.skipped;
  ASSERT_EQ(result.trouble, "");
  ASSERT_FALSE(result.requests.empty());
  EXPECT_TRUE(result.requests.back().proc.would_issue) << result.requests.back().proc.why_not;
  EXPECT_EQ(result.requests.back().identity, kPayments) << result.requests.back().message;
}
INSTANTIATE_TEST_SUITE_P(Attacks, StockServes,
                         ::testing::Values("exec-swap", "exec-swap-thread", "slow-exec", "scm-rights", "pidfd-getfd",
                                           "pid-reuse", "second-connect", "exe-swap", "foreign-loader", "preload",
                                           "preload-withheld"));

class StockRefuses : public Stock, public ::testing::WithParamInterface<const char*> {};

TEST_P(StockRefuses, TheseToo) {
  const SceneResult result = Played(GetParam());
  if (!result.skipped.empty()) GTEST_SKIP() << result.skipped;
  ASSERT_EQ(result.trouble, "");
  ASSERT_FALSE(result.requests.empty());
  EXPECT_FALSE(result.requests.back().proc.would_issue);
  EXPECT_EQ(result.requests.back().identity, "");
}
// The last three are honest or lose an identity they had: what stock SPIRE does worse than it could.
INSTANTIATE_TEST_SUITE_P(Rest, StockRefuses,
                         ::testing::Values("opener-exited", "zombie-opener", "private-mount", "upgrade", "leader-gone"));

class StockHonest : public Stock, public ::testing::WithParamInterface<const char*> {};

TEST_P(StockHonest, GetsItsIdentity) {
  const SceneResult result = Played(GetParam());
  ASSERT_EQ(result.trouble, "");
  for (const Request& request : result.requests) EXPECT_NE(request.identity, "") << request.message;
}
INSTANTIATE_TEST_SUITE_P(Workloads, StockHonest,
                         ::testing::Values("honest", "two-honest", "spawning", "agent-restart"));

TEST_F(Stock, ForeignCodeReallyRan) {
  EXPECT_THAT(Played("preload").notes, ::testing::ElementsAre("foreign code ran in payments"));
  const SceneResult loader = Played("foreign-loader");
  if (!loader.skipped.empty()) GTEST_SKIP() << loader.skipped;
  EXPECT_THAT(loader.notes, ::testing::ElementsAre("foreign code ran in payments"));
}

}  // namespace
}  // namespace belfry::demo
