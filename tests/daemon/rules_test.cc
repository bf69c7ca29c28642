// A guard's rules from the file to the client: refused in the kernel where it can be, else cut right after.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>

#include "daemon/live_daemon.h"

namespace belfry::daemon {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

using RulesTest = BelfrydTest;

TEST_F(RulesTest, WhoMayNotConnectIsRefusedAndNamedAndMayAfterAReload) {
  StartDaemon("    mode: deny\n    allow:\n      - {name: others, uid: 12345}\n");
  StartClient();
  EXPECT_EQ(Ask(), RefusesConnects() ? "refused" : "connected");
  const std::string pid = "pid " + std::to_string(client_->pid());
  EXPECT_THAT(Said("violation"), AllOf(HasSubstr(pid), HasSubstr("not_allowed"), HasSubstr("nearest rule others: uid is 0, not 12345")));
  WriteConfig("    mode: deny\n    allow:\n      - {name: root, uid: 0}\n");
  daemon_->Signal(SIGHUP);
  EXPECT_THAT(Said("reload"), ::testing::Not(HasSubstr("refused")));
  EXPECT_EQ(Ask(), "connected");
}

// A port's, on every backend: refused before anything is sent, also while no daemon runs.
class PortRulesTest : public BelfrydTest {
 protected:
  void SetUp() override {
    BelfrydTest::SetUp();
    if (IsSkipped()) return;
    server_ = kit::OwnedFd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{.sin_family = AF_INET, .sin_port = 0, .sin_addr = {htonl(INADDR_LOOPBACK)}, .sin_zero = {}};
    socklen_t size = sizeof address;
    ASSERT_EQ(bind(server_.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
    ASSERT_EQ(listen(server_.get(), 16), 0);
    ASSERT_EQ(getsockname(server_.get(), reinterpret_cast<sockaddr*>(&address), &size), 0);
    port_ = std::to_string(ntohs(address.sin_port));
  }
  std::string Guard(const std::string& rule) const {
    return "    mode: observe\n  - name: p\n    tcp: " + port_ + "\n    mode: deny\n    on_daemon_loss: hold\n    allow: [" + rule + "]\n";
  }

  kit::OwnedFd server_;
  std::string port_;
};

TEST_F(PortRulesTest, WhoMayNotConnectIsRefusedAndNamedAndMayAfterAReload) {
  StartDaemon(Guard("{name: others, uid: 12345}"));
  StartClientOf(port_);
  EXPECT_EQ(Ask(), "refused");
  const std::string pid = "pid " + std::to_string(client_->pid());
  EXPECT_THAT(Said("violation"), AllOf(HasSubstr(pid), HasSubstr("not_allowed"), HasSubstr("nearest rule others: uid is 0, not 12345")));
  WriteConfig(Guard("{name: root, uid: 0}"));
  daemon_->Signal(SIGHUP);
  EXPECT_THAT(Said("reload"), ::testing::Not(HasSubstr("refused")));
  EXPECT_EQ(Ask(), "connected");
}

TEST_F(PortRulesTest, IsRefusedAfterTheDaemonWasKilledAndByTheNext) {
  MountPins();
  StartDaemon(Guard("{name: others, uid: 12345}"), true);
  StartClientOf(port_);
  EXPECT_EQ(Ask(), "refused");
  daemon_->Kill();
  EXPECT_EQ(Ask(), "refused");
  StartDaemon(Guard("{name: others, uid: 12345}"), true);
  EXPECT_EQ(Ask(), "refused");
}

}  // namespace
}  // namespace belfry::daemon
