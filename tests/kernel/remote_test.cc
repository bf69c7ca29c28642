// Who connects to a guarded TCP port from elsewhere: told with the address, and with nobody's name.
#include <sched.h>

#include "kernel/live_port.h"

namespace belfry::kernel {
namespace {

// A network namespace of its own stands for another machine, connected by a pair of virtual devices.
class FromAfar : public TcpTest {
 protected:
  static int Run(const std::string& command) { return std::system((command + " >/dev/null 2>&1").c_str()); }
  void SetUp() override {
    TcpTest::SetUp();
    if (kernel_ == nullptr) return;
    far_ = std::make_unique<Actor>([](const Actor::Stage& stage) {
      Must(unshare(CLONE_NEWNET) == 0 && Run("ip link set lo up") == 0);
      stage.Reach();
      for (;;) pause();
    });
    ASSERT_TRUE(far_->AwaitReach());
    const std::string pid = std::to_string(far_->pid()), there = "nsenter -n -t " + pid + " ip ";
    if (Run("ip link add belfry-near type veth peer name belfry-far netns " + pid) != 0) GTEST_SKIP() << "missing: ip, or veth devices";
    made_ = true;
    ASSERT_EQ(Run("ip addr add 198.51.100.1/24 dev belfry-near && ip addr add 2001:db8::1/64 dev belfry-near nodad && "
                  "ip link set belfry-near up"), 0);
    ASSERT_EQ(Run(there + "addr add 198.51.100.2/24 dev belfry-far && " + there + "addr add 2001:db8::2/64 dev belfry-far nodad && " +
                  there + "link set belfry-far up"), 0);
  }
  void TearDown() override {
    if (made_) Run("ip link del belfry-near");
    far_.reset();
    TcpTest::TearDown();
  }
  // A process there connects and waits.
  Actor ConnectFrom(const std::string& ip, uint16_t port) {
    return Actor([=, this](const Actor::Stage& stage) {
      const kit::OwnedFd there(open(("/proc/" + std::to_string(far_->pid()) + "/ns/net").c_str(), O_RDONLY | O_CLOEXEC));
      Must(setns(there.get(), CLONE_NEWNET) == 0);
      const kit::OwnedFd fd = ConnectTo(ip, port);
      Must(static_cast<bool>(fd));
      stage.Reach();
    });
  }

  std::unique_ptr<Actor> far_;
  bool made_ = false;
};

TEST_F(FromAfar, ARemotePeerIsToldWithItsAddress) {
  for (const auto& [ip, from] : {std::pair("198.51.100.1", "198.51.100.2"), std::pair("2001:db8::1", "2001:db8::2")}) {
    Actor client = ConnectFrom(ip, port_);
    ASSERT_TRUE(client.AwaitReach()) << ip;
    ASSERT_TRUE(Accept());
    const auto told = Told();
    ASSERT_EQ(told.size(), 1u);
    EXPECT_EQ(Text(told[0].ends.client), from);
    EXPECT_EQ(Text(told[0].ends.server), ip);
    EXPECT_EQ(told[0].connection.opener.tgid, 0u);
    EXPECT_EQ(told[0].connection.taints, 0u);
    EXPECT_EQ(told[0].connection.place, BELFRY_PLACE_UNKNOWN);
    EXPECT_EQ(told[0].connection.guard, kGuard);
  }
}

// The same number in another namespace is another port, and who connects there is nobody's opener here.
TEST_F(FromAfar, ThePortOfAnotherNamespaceYieldsNothing) {
  Actor server([&](const Actor::Stage& stage) {
    const kit::OwnedFd there(open(("/proc/" + std::to_string(far_->pid()) + "/ns/net").c_str(), O_RDONLY | O_CLOEXEC));
    Must(setns(there.get(), CLONE_NEWNET) == 0);
    const kit::OwnedFd listener = ListenAt("::", port_);
    Must(listener && ConnectTo("127.0.0.1", port_));
    stage.Reach();
  });
  ASSERT_TRUE(server.AwaitReach());
  // Outwards, to the number that is guarded here.
  ASSERT_TRUE(ConnectTo("198.51.100.2", port_));
  EXPECT_TRUE(Told().empty());
}

}  // namespace
}  // namespace belfry::kernel
