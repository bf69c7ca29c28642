// `limit` of a guard: what the kernel part is told, where it is refused at load, and what is said of who is over it.
#include <gmock/gmock.h>

#include "engine/measure.h"
#include "engine/modes.h"
#include "engine/orders.h"
#include "engine/scene.h"

namespace belfry::engine {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr char kLimited[] = "limit: {per: exe, rate: 20/s, burst: 50}";
constexpr uint64_t kSecond = 1'000'000'000;

class LimitTest : public Scene {
 protected:
  void Begin(const std::string& text) {
    Scene::Begin(text);
    CollectLines();
  }
  void Limited(uint32_t times, bool refused) {
    belfry_event_limited event{};
    event.times = times;
    event.refused = refused;
    event.connection = support::Connection(client_, image_);
    event.connection.creds.euid = 65534;
    support::SetText(event.connection.comm, "hurry");
    kernel_->Emit(support::WithHeader(event, BELFRY_KIND_LIMITED, 7));
    engine_->bench().drain();
  }
  const Guard& G() { return *engine_->guards().ByName("g"); }
};

TEST(LimitOrders, AreIntervalsThatNobodyGetsMoreBy) {
  const belfry_limit orders = LimitOrders(ConnectLimit{.per = BELFRY_PER_UID, .count = 3, .period = 's', .burst = 7});
  EXPECT_EQ(orders.interval_ns, 333'333'334u);
  EXPECT_EQ(orders.burst_ns, 7 * orders.interval_ns);
  EXPECT_EQ(orders.per, static_cast<uint32_t>(BELFRY_PER_UID));
  EXPECT_NE(orders.seal, 0u);
  EXPECT_EQ(LimitOrders(ConnectLimit{.per = BELFRY_PER_UID, .count = 600, .period = 'm', .burst = 1}).interval_ns, kSecond / 10);
  EXPECT_EQ(LimitOrders(ConnectLimit{.per = BELFRY_PER_UID, .count = 1, .period = 'h', .burst = 1}).interval_ns, 3600 * kSecond);
  EXPECT_EQ(LimitOrders(std::nullopt).per, static_cast<uint32_t>(BELFRY_PER_NOBODY));
}

TEST_F(LimitTest, TheKernelIsToldAndWhoServesIsExcepted) {
  refuses_use_ = true;
  Begin(std::string("mode: deny, ") + kLimited);
  const belfry_guard& orders = kernel_->orders.at(G().number);
  EXPECT_EQ(orders.limit.per, static_cast<uint32_t>(BELFRY_PER_EXE));
  EXPECT_EQ(orders.limit.interval_ns, kSecond / 20);
  EXPECT_EQ(orders.flags & BELFRY_GUARD_FULL_REFUSES, 0u);
  ASSERT_THAT(kernel_->servers, SizeIs(1));
  EXPECT_EQ(kernel_->servers[0].guard, G().number);
  EXPECT_EQ(kernel_->servers[0].server.tgid, kAgent);
}

TEST_F(LimitTest, AnAgentsGuardRefusesWhomItCannotCount) {
  refuses_use_ = true;
  Begin("mode: observe}\n  - {name: a, agent: {workload: " + dir_ + "/w.sock}, mode: deny, " + kLimited);
  EXPECT_NE(kernel_->orders.at(engine_->guards().ByName("a")->number).flags & BELFRY_GUARD_FULL_REFUSES, 0u);
}

TEST_F(LimitTest, WhereNoConnectCanBeRefusedDenyIsRefusedAtLoad) {
  const std::string guard = "{name: g, unix: /a, mode: deny, " + std::string(kLimited) + "}";
  const auto config = ParseConfig("t.yaml", "version: 1\nguards: [" + guard + "]\n", {});
  ASSERT_TRUE(config.ok()) << config.status();
  const auto engine = Engine::Make({.config = *config, .kernel = std::make_unique<support::FakeKernel>()}, log_);
  ASSERT_TRUE(absl::IsFailedPrecondition(engine.status())) << engine.status();
  EXPECT_THAT(std::string(engine.status().message()),
              HasSubstr("t.yaml:2: guard g: it has a limit, and backend cgroup cannot refuse a connect"));
}

TEST_F(LimitTest, ThereItIsOnlyTold) {
  ASSERT_TRUE(WriteModes(dir_ + "/mode.override.json", {{"g", verdict::Mode::kDeny}}).ok());
  Begin(std::string("mode: observe, ") + kLimited);
  EXPECT_EQ(G().mode, verdict::Mode::kWarn);
  EXPECT_EQ(kernel_->orders.at(G().number).mode, static_cast<uint32_t>(BELFRY_MODE_WARN));
  EXPECT_THAT(std::string(SetMode("g", "deny").status().message()), HasSubstr("backend cgroup cannot refuse a connect"));
}

TEST_F(LimitTest, WhoIsRefusedIsNamedAndCounted) {
  refuses_use_ = true;
  Begin(std::string("mode: deny, ") + kLimited);
  kernel_->AddProcess(client_, image_);
  Limited(1, true);
  Limited(4, true);
  ASSERT_THAT(lines_, SizeIs(2));
  EXPECT_EQ(lines_[0].action, "refused");
  EXPECT_EQ(lines_[0].outcome, "failure");
  EXPECT_EQ(lines_[0].pid, client_.tgid);
  EXPECT_EQ(lines_[0].uid, 65534u);
  EXPECT_NE(lines_[0].who, nullptr);
  EXPECT_THAT(lines_[0].reasons, ElementsAre("limit"));
  EXPECT_EQ(lines_[0].message, "more than 20/s per exe, burst 50");
  EXPECT_EQ(lines_[1].message, "more than 20/s per exe, burst 50; 3 more since it was last told");
  EXPECT_TRUE(lines_[0].violation);
  EXPECT_EQ(MeasuresOf(*engine_).guards[0].refused[BELFRY_USE_LIMIT], 5u);
  EXPECT_THAT(G().tally.would_withhold, IsEmpty());
  EXPECT_EQ(engine_->seen().connections.live(), 0u) << "there is no connection";
}

TEST_F(LimitTest, WhomDenyWouldRefuseIsCountedBeforeThat) {
  Begin(std::string("mode: warn, ") + kLimited);
  Limited(2, false);
  ASSERT_THAT(lines_, SizeIs(1));
  EXPECT_EQ(lines_[0].action, "would_withhold");
  EXPECT_TRUE(lines_[0].violation);
  EXPECT_EQ(G().tally.would_withhold.at("limit"), 2u);
  EXPECT_THAT(G().tally.would_be_hit, ElementsAre("65534 hurry"));
  EXPECT_NE(G().tally.last_would_withhold_ns, 0u);
  EXPECT_EQ(G().tally.refused[BELFRY_USE_LIMIT], 0u);
}

}  // namespace
}  // namespace belfry::engine
