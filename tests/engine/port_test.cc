// Guards on TCP ports: told and judged, never cut; what would need a cut is not accepted.
#include <arpa/inet.h>
#include <gmock/gmock.h>

#include "effect/entry_json.h"
#include "engine/guarded_ports.h"
#include "engine/scene.h"

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
  effect::Entry Told(const belfry_connection& connection) {
    belfry_event_tcp event{};
    event.cookie = kCookie;
    event.ends.client = {{0, 0, htonl(0xffff), htonl(0x7f000001)}};
    event.ends.server = {{htonl(0x20010db8), 0, 0, htonl(1)}};
    event.ends.client_port = 40000;
    event.ends.server_port = 8081;
    event.connection = connection;
    event.connection.guard = engine_->guards().ByName("p")->number;
    kernel_->Emit(support::WithHeader(event, BELFRY_KIND_TCP_CONNECT, 5));
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

TEST_F(PortTest, DenyIsRefusedForAPort) {
  BeginAt("tcp: 8081, allow: []");
  EXPECT_THAT(std::string(SetMode("p", "deny").status().message()), HasSubstr("cannot be cut yet; observe or warn"));
  EXPECT_EQ(engine_->guards().ByName("p")->mode, verdict::Mode::kObserve);
  ASSERT_TRUE(SetMode("", "deny").ok());
  EXPECT_EQ(engine_->guards().ByName("g")->mode, verdict::Mode::kDeny);
  EXPECT_EQ(engine_->guards().ByName("p")->mode, verdict::Mode::kWarn);
  kernel_->AddProcess(client_, image_);
  EXPECT_TRUE(Told(support::Connection(client_, image_)).violation);
  EXPECT_THAT(cutter_->cut, IsEmpty());
}

}  // namespace
}  // namespace belfry::engine
