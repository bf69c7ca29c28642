// Guards on TCP ports: told, judged, refused at the connect, never cut; what would need a cut is not accepted.
#include <arpa/inet.h>
#include <gmock/gmock.h>

#include "effect/entry_json.h"
#include "engine/guarded_ports.h"
#include "engine/scene.h"
#include "verdict/rule_words.h"

namespace belfry::engine {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class PortTest : public Scene {
 protected:
  void BeginAt(const std::string& text) {
    Begin("mode: observe}\n  - {name: p, " + text);
    engine_->questions().Follow({}, [] {},
                                [this](const std::string& line, kit::Urgency) {
                                  lines_.push_back(*effect::FromJson(line));
                                  return true;
                                },
                                [] { return false; }, [](const absl::Status&) {});
    engine_->loop().Turn(std::chrono::milliseconds(0));
  }
  effect::Entry Told(const belfry_connection& connection, belfry_kind kind = BELFRY_KIND_TCP_CONNECT) {
    belfry_event_tcp event{};
    event.cookie = kCookie;
    event.ends.client = {{0, 0, htonl(0xffff), htonl(0x7f000001)}};
    event.ends.server = {{htonl(0x20010db8), 0, 0, htonl(1)}};
    event.ends.client_port = 40000;
    event.ends.server_port = 8081;
    event.connection = connection;
    event.connection.guard = engine_->guards().ByName("p")->number;
    kernel_->Emit(support::WithHeader(event, kind, 5));
    engine_->bench().drain();
    return lines_.empty() ? effect::Entry() : lines_.back();
  }
  belfry_connection Remote(uint32_t taints = 0) const {
    belfry_connection connection{};
    connection.place = BELFRY_PLACE_UNKNOWN;
    connection.taints = taints;
    return connection;
  }
  std::vector<effect::Entry> lines_;
};

TEST_F(PortTest, TheKernelIsToldWhichPorts) {
  BeginAt("tcp: \"[::ffff:10.0.0.1]:8081\"");
  ASSERT_EQ(kernel_->guarded_ports.size(), 1u);
  const kernel::GuardedPort& port = kernel_->guarded_ports[0];
  EXPECT_EQ(port.port, 8081);
  EXPECT_EQ(port.guard, engine_->guards().ByName("p")->number);
  EXPECT_THAT(port.address.word, ElementsAre(0u, 0u, htonl(0xffff), htonl(0x0a000001)));
}

TEST_F(PortTest, BothEndsAndTheOpenerAreTold) {
  BeginAt("tcp: 8081");
  kernel_->AddProcess(client_, image_);
  const effect::Entry line = Told(support::Connection(client_, image_));
  EXPECT_EQ(line.action, "connect");
  EXPECT_EQ(line.pid, client_.tgid);
  EXPECT_EQ(line.source.ip, "127.0.0.1");
  EXPECT_EQ(line.source.port, 40000);
  EXPECT_EQ(line.destination.ip, "2001:db8::1");
  EXPECT_EQ(line.destination.port, 8081);
  EXPECT_EQ(line.verdict, "sound");
  EXPECT_EQ(engine_->guards().ByName("p")->tally.to_port, 1u);
  EXPECT_THAT(cutter_->cut, IsEmpty());
}

TEST_F(PortTest, OfARemotePeerNothingButTheAddressIsSaid) {
  BeginAt("tcp: 8081");
  const effect::Entry line = Told(Remote());
  EXPECT_EQ(line.action, "connect");
  EXPECT_EQ(line.pid, 0u);
  EXPECT_FALSE(line.uid) << "nobody's number is not root's";
  EXPECT_EQ(line.verdict, "");
  EXPECT_FALSE(line.violation);
  EXPECT_THAT(line.message, HasSubstr("from elsewhere"));
}

TEST_F(PortTest, OneOfOursThatWasNotSeenIsNoRemotePeer) {
  BeginAt("tcp: 8081");
  const effect::Entry line = Told(Remote(1u << BELFRY_TAINT_UNRECORDED));
  EXPECT_EQ(line.action, "unrecorded");
  EXPECT_THAT(line.reasons, ElementsAre("unrecorded"));
  EXPECT_THAT(line.message, HasSubstr("of this machine"));
}

// Zeros in a record are not root.
TEST_F(PortTest, NoRuleFitsARemotePeer) {
  BeginAt("tcp: 8081, mode: warn, allow: [{uid: 0}]");
  EXPECT_TRUE(Told(Remote()).violation);
  EXPECT_TRUE(Told(Remote(1u << BELFRY_TAINT_UNRECORDED)).violation);
  kernel_->AddProcess(client_, image_);
  EXPECT_FALSE(Told(support::Connection(client_, image_)).violation);
  EXPECT_THAT(cutter_->cut, IsEmpty());
}

TEST_F(PortTest, DenyIsRefusedWhereNobodyWouldBe) {
  BeginAt("tcp: 8081, allow: [{unit: a.service}]");
  EXPECT_THAT(std::string(SetMode("p", "deny").status().message()),
              HasSubstr("rules that ask for unit, which the kernel part does not know, and a TCP port's connections are refused at "
                        "the connect or not at all; observe or warn"));
  EXPECT_EQ(engine_->guards().ByName("p")->mode, verdict::Mode::kObserve);
  ASSERT_TRUE(SetMode("", "deny").ok());
  EXPECT_EQ(engine_->guards().ByName("g")->mode, verdict::Mode::kDeny);
  EXPECT_EQ(engine_->guards().ByName("p")->mode, verdict::Mode::kWarn);
}

TEST_F(PortTest, InDenyTheKernelHasTheRulesAndOurAddresses) {
  BeginAt("tcp: 8081, mode: deny, allow: [{uid: 12345}]");
  const uint32_t number = engine_->guards().ByName("p")->number;
  ASSERT_TRUE(kernel_->rules.contains(number));
  EXPECT_EQ(kernel_->rules.at(number)->policy.mode, static_cast<uint32_t>(BELFRY_MODE_DENY));
  const auto loopback = [](const belfry_address& one) { return one.word[2] == htonl(0xffff) && one.word[3] == htonl(0x7f000001); };
  EXPECT_THAT(kernel_->own_addresses, ::testing::Contains(::testing::Truly(loopback)));
}

TEST_F(PortTest, WithoutAPortNobodyAsksForOurAddresses) {
  Begin("mode: deny");
  EXPECT_THAT(kernel_->own_addresses, IsEmpty());
}

TEST_F(PortTest, WhoIsRefusedIsToldWithTheNearestRule) {
  BeginAt("tcp: 8081, mode: deny, allow: [{name: others, uid: 12345}]");
  kernel_->AddProcess(client_, image_);
  const effect::Entry line = Told(support::Connection(client_, image_), BELFRY_KIND_TCP_BARRED);
  EXPECT_EQ(line.action, "refused");
  EXPECT_EQ(line.outcome, "failure");
  EXPECT_EQ(line.destination.port, 8081);
  EXPECT_THAT(line.reasons, ElementsAre(verdict::kNotAllowed));
  EXPECT_THAT(line.message, HasSubstr("uid is 0, not 12345"));
  EXPECT_EQ(engine_->guards().ByName("p")->tally.refused[BELFRY_USE_CONNECT], 1u);
  EXPECT_EQ(engine_->guards().ByName("p")->tally.to_port, 0u);
}

// Whom the kernel part let pass for want of knowing.
TEST_F(PortTest, WhoCameThroughIsAViolationAndNotCut) {
  BeginAt("tcp: 8081, mode: deny, allow: [{name: others, uid: 12345}]");
  kernel_->AddProcess(client_, image_);
  const int walks = kernel_->walks;
  EXPECT_TRUE(Told(support::Connection(client_, image_)).violation);
  EXPECT_THAT(cutter_->cut, IsEmpty());
  EXPECT_EQ(kernel_->walks, walks) << "nobody looks for an end that cannot be cut";
}

}  // namespace
}  // namespace belfry::engine
