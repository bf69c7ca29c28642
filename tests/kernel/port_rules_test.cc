// Who may open a guarded TCP port: refused at the connect by every route, at this machine's addresses and no others.
#include <netinet/tcp.h>
#include <sched.h>

#include <thread>

#include "host/process_files.h"
#include "kernel/live_port.h"

namespace belfry::kernel {
namespace {

constexpr uint32_t kNobody = 65534;
constexpr uint16_t kElsewhere = 9;  // a port that nobody serves: a connect there ends at once

class PortRules : public TcpTest {
 protected:
  void SetUp() override {
    TcpTest::SetUp();
    if (kernel_ != nullptr) OnlyFor(kNobody, BELFRY_MODE_DENY);
  }
  // One rule: this user.
  void OnlyFor(uint32_t uid, uint32_t mode) {
    PolicyRules rules{.number = ++policies_, .policy = {}, .values = {}};
    rules.policy.mode = mode;
    rules.policy.words = 1;
    rules.policy.asks = 1u << BELFRY_RULE_UID;
    rules.policy.rules.word[0] = rules.policy.asking[BELFRY_RULE_UID].word[0] = 1;
    rules.values.push_back({{.policy = 0, .first = uid, .second = 0, .field = BELFRY_RULE_UID, .pad = 0}, rules.policy.rules});
    GuardOrders orders{.guard = kGuard, .rules = std::make_shared<const PolicyRules>(std::move(rules))};
    orders.orders.mode = mode;
    orders.orders.policy = policies_;
    ASSERT_TRUE(kernel_->SetOrders({&orders, 1}).ok());
  }
  // What a child that plays says of it: an errno.
  static int SaidBy(const std::function<int()>& play) {
    Actor actor([&](const Actor::Stage& stage) { stage.Say(play()); });
    return actor.Hear();
  }
  static int Try(const std::string& ip, uint16_t port, const std::string& from = "", const std::string& device = "") {
    const Target target(ip, port);
    const kit::OwnedFd fd(target.Socket(SOCK_CLOEXEC));
    if (!device.empty()) Must(setsockopt(fd.get(), SOL_SOCKET, SO_BINDTODEVICE, device.data(), static_cast<socklen_t>(device.size())) == 0);
    if (!from.empty()) {
      const Target own(from, 0);
      Must(bind(fd.get(), own.get(), own.size) == 0);
    }
    return connect(fd.get(), target.get(), target.size) == 0 ? 0 : errno;
  }
  int SaidOf(const std::string& ip, const std::string& from = "") {
    return SaidBy([&] { return Try(ip, port_, from); });
  }
  std::vector<belfry_event_tcp> Barred() { return Drain<belfry_event_tcp>(BELFRY_KIND_TCP_BARRED); }

  uint64_t policies_ = 1000;
};

TEST_F(PortRules, WhoMayNotIsRefusedAndTold) {
  const uint64_t before = CountersOf("rules").refused;
  Actor actor([&](const Actor::Stage& stage) {
    stage.Say(Try("127.0.0.1", port_));
    stage.Reach();
  });
  EXPECT_EQ(actor.Hear(), EPERM);
  const auto told = Barred();
  ASSERT_EQ(told.size(), 1u);
  const auto live = kernel_->Live(static_cast<uint32_t>(actor.pid()));
  ASSERT_TRUE(live.ok());
  EXPECT_EQ(told[0].connection.opener.tgid, live->pin.tgid);
  EXPECT_EQ(told[0].connection.opener.start_ns, live->pin.start_ns);
  EXPECT_EQ(told[0].connection.exe.ino, live->exe.ino);
  EXPECT_EQ(told[0].connection.guard, kGuard);
  EXPECT_EQ(told[0].connection.policy, policies_);
  EXPECT_EQ(told[0].connection.rule, BELFRY_RULE_NONE);
  EXPECT_EQ(Text(told[0].ends.server), "127.0.0.1");
  EXPECT_EQ(told[0].ends.server_port, port_);
  EXPECT_EQ(CountersOf("rules").refused, before + 1);
  pollfd queue{.fd = server_.get(), .events = POLLIN, .revents = 0};
  EXPECT_EQ(poll(&queue, 1, 0), 0) << "the listener was woken";
}

TEST_F(PortRules, WhoMayIsServed) {
  EXPECT_EQ(SaidBy([&] { return setuid(kNobody) == 0 ? Try("127.0.0.1", port_) : errno; }), 0);
  EXPECT_TRUE(Accept());
  EXPECT_TRUE(Barred().empty());
}

TEST_F(PortRules, InWarnNobodyIsRefused) {
  OnlyFor(kNobody, BELFRY_MODE_WARN);
  EXPECT_EQ(SaidOf("127.0.0.1"), 0);
  EXPECT_TRUE(Barred().empty());
}

// A server that binds one address and a guard of one address: 0.0.0.0, :: and mapped ones lead there too.
TEST_F(PortRules, ByWhateverAddressOfTheLoopbackDevice) {
  for (const char* guarded : {"", "127.0.0.1"}) {
    GuardAt(guarded);
    for (const char* ip : {"127.0.0.1", "0.0.0.0", "::ffff:127.0.0.1", "::ffff:0.0.0.0"}) EXPECT_EQ(SaidOf(ip), EPERM) << guarded << " " << ip;
    EXPECT_EQ(SaidOf("::", "::ffff:127.0.0.1"), EPERM) << guarded;
  }
  for (const char* guarded : {"", "[::1]"}) {
    GuardAt(guarded);
    for (const char* ip : {"::1", "::"}) EXPECT_EQ(SaidOf(ip), EPERM) << guarded << " " << ip;
  }
  EXPECT_EQ(SaidOf("127.0.0.1"), 0) << "not guarded";
}

// Who is bound to such an address sends from another, and reaches the loopback device by 0.0.0.0.
TEST_F(PortRules, FromAnAddressThatIsNobodys) {
  for (const char* guarded : {"", "127.0.0.1"}) {
    GuardAt(guarded);
    for (const char* from : {"224.0.0.1", "255.255.255.255", "127.255.255.255"}) {
      EXPECT_EQ(SaidOf("0.0.0.0", from), EPERM) << guarded << " " << from;
      EXPECT_NE(SaidOf("::ffff:0.0.0.0", std::string("::ffff:") + from), 0) << guarded << " " << from;  // the kernel's own no
    }
  }
}

// Then 0.0.0.0 is an address of that device; which one, the program does not know.
TEST_F(PortRules, BoundToADevice) {
  const auto said = [&] { return SaidBy([&] { return Try("0.0.0.0", port_, "", "lo"); }); };
  EXPECT_EQ(said(), EPERM);
  for (const char* guarded : {"127.0.0.1", "127.0.0.2", "[::1]"}) {
    GuardAt(guarded);
    EXPECT_EQ(said(), EPERM) << guarded;
  }
  const auto told = Barred();
  ASSERT_EQ(told.size(), 4u);
  EXPECT_EQ(told[3].ends.server_port, port_);
}

// The third word of a mapped address, and no mapped address.
TEST_F(PortRules, FromAnAddressThatLooksMapped) {
  GuardAt("[::1]");
  EXPECT_EQ(SaidBy([&] {
              Must(std::system("ip -6 addr add 2001:db8::ffff:0:1/128 dev lo nodad 2>/dev/null") == 0);
              const int error = Try("::", port_, "2001:db8::ffff:0:1");
              Must(std::system("ip -6 addr del 2001:db8::ffff:0:1/128 dev lo") == 0);
              return error;
            }),
            EPERM);
}

// 127.0.0.2 is reached through 0.0.0.0 by who has bound it.
TEST_F(PortRules, ByItsOwnAddress) {
  GuardAt("127.0.0.2");
  EXPECT_EQ(SaidOf("0.0.0.0", "127.0.0.2"), EPERM);
  EXPECT_EQ(SaidOf("0.0.0.0"), 0);
}

TEST_F(PortRules, FromAThreadAndWithoutWaiting) {
  EXPECT_EQ(SaidBy([&] {
              int error = 0;
              std::thread([&] { error = Try("127.0.0.1", port_); }).join();
              return error;
            }),
            EPERM);
  EXPECT_EQ(SaidBy([&] {
              const Target target("127.0.0.1", port_);
              return connect(target.Socket(SOCK_NONBLOCK), target.get(), target.size) == 0 ? 0 : errno;
            }),
            EPERM);
}

TEST_F(PortRules, BySendingWithFastOpen) {
  const int length = 16;
  setsockopt(server_.get(), IPPROTO_TCP, TCP_FASTOPEN, &length, sizeof length);
  EXPECT_EQ(SaidBy([&] {
              const Target target("127.0.0.1", port_);
              return sendto(target.Socket(), "x", 1, MSG_FASTOPEN, target.get(), target.size) >= 0 ? 0 : errno;
            }),
            EPERM);
}

TEST_F(PortRules, ByMptcp) {
  constexpr int kMptcp = 262;
  const kit::OwnedFd probe(socket(AF_INET, SOCK_STREAM, kMptcp));
  if (!probe) GTEST_SKIP() << "missing: MPTCP (" << strerror(errno) << ")";
  EXPECT_EQ(SaidBy([&] {
              const Target target("127.0.0.1", port_);
              return connect(socket(AF_INET, SOCK_STREAM, kMptcp), target.get(), target.size) == 0 ? 0 : errno;
            }),
            EPERM);
}

#ifdef __x86_64__
TEST_F(PortRules, By32BitCall) {
  const int error = SaidBy([&] {
    const Target target("127.0.0.1", port_);
    return TryBy32BitCall(target.Socket(), target.get(), target.size);
  });
  if (error == -1) GTEST_SKIP() << "missing: 32-bit system calls";
  EXPECT_EQ(error, EPERM);
}
#endif

TEST_F(PortRules, ByEveryRing) {
  if (const int error = WhyNoRings(); error < 0) GTEST_SKIP() << "missing: io_uring (" << error << ")";
  for (const auto& [ring_flags, entry_flags] : kRings)
    EXPECT_EQ(SaidBy([&, ring_flags = ring_flags, entry_flags = entry_flags] {
                const Target target("127.0.0.1", port_);
                return TryByRing(target.Socket(), target.get(), target.size, ring_flags, entry_flags);
              }),
              EPERM);
}

// The same number at another machine is another port; which address is ours userspace says.
TEST_F(PortRules, OnlyAtOurOwnAddresses) {
  Actor far([&](const Actor::Stage& stage) {
    Must(unshare(CLONE_NEWNET) == 0);
    stage.Say(Try("127.0.0.1", port_));
  });
  EXPECT_NE(far.Hear(), EPERM) << "another network namespace's loopback device";
  const auto tries = [&](const char* ip) {
    return SaidBy([&] {
      const Target target(ip, port_);
      return connect(target.Socket(SOCK_NONBLOCK), target.get(), target.size) == 0 ? 0 : errno;
    });
  };
  EXPECT_NE(tries("198.51.100.7"), EPERM);
  EXPECT_NE(tries("2001:db8::7"), EPERM);
  belfry_address own[] = {{{0, 0, htonl(0xffff), inet_addr("198.51.100.7")}}, {}};
  inet_pton(AF_INET6, "2001:db8::7", &own[1]);
  ASSERT_TRUE(kernel_->SetOwnAddresses(own).ok());
  EXPECT_EQ(tries("198.51.100.7"), EPERM);
  EXPECT_EQ(tries("2001:db8::7"), EPERM);
  ASSERT_TRUE(kernel_->SetOwnAddresses({}).ok());
  EXPECT_NE(tries("198.51.100.7"), EPERM);
}

// A socket stays in the namespace in which it was made, wherever its owner goes.
TEST_F(PortRules, WithASocketOfOursFromAnotherNamespace) {
  EXPECT_EQ(SaidBy([&] {
              const Target target("127.0.0.1", port_);
              const int fd = target.Socket();
              Must(unshare(CLONE_NEWNET) == 0);
              return connect(fd, target.get(), target.size) == 0 ? 0 : errno;
            }),
            EPERM);
}

TEST_F(PortRules, WhoServesThePortMayOpenIt) {
  const auto self = kernel_->Live(static_cast<uint32_t>(getpid()));
  ASSERT_TRUE(self.ok());
  EXPECT_EQ(Try("127.0.0.1", port_), EPERM);
  const GuardServer server{.guard = kGuard, .server = self->pin};
  ASSERT_TRUE(kernel_->SetServers({&server, 1}).ok());
  EXPECT_EQ(Try("127.0.0.1", port_), 0);
}

TEST_F(PortRules, BystandersAreNotAsked) {
  const kit::OwnedFd other = ListenAt("127.0.0.1");
  const uint64_t before = CountersOf("port_connect4").seen;
  EXPECT_EQ(SaidBy([&] { return Try("127.0.0.1", PortOf(other.get())); }), 0);
  EXPECT_EQ(SaidBy([&] { return Try("127.0.0.1", kElsewhere); }), ECONNREFUSED);
  const Target target("127.0.0.1", port_);
  const kit::OwnedFd datagrams(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  EXPECT_EQ(connect(datagrams.get(), target.get(), target.size), 0) << "another port: that of UDP";
  EXPECT_EQ(CountersOf("port_connect4").seen, before);
}

// In deny until told otherwise, unless it may not be without a daemon for so long.
TEST_F(PortRules, ASilentDaemonLetsGoWhereTheGuardSaysSo) {
  GuardOrders orders{.guard = kGuard};
  orders.rules = nullptr;
  orders.orders.mode = BELFRY_MODE_DENY;
  EXPECT_EQ(SaidOf("127.0.0.1"), EPERM);
  PolicyRules nobody{.number = ++policies_, .policy = {}, .values = {}};
  nobody.policy.mode = BELFRY_MODE_DENY;
  orders.rules = std::make_shared<const PolicyRules>(std::move(nobody));
  orders.orders.policy = policies_;
  orders.orders.loss_ns = 1;
  ASSERT_TRUE(kernel_->SetOrders({&orders, 1}).ok());
  EXPECT_EQ(SaidOf("127.0.0.1"), 0);
  EXPECT_TRUE(Accept());
}

}  // namespace
}  // namespace belfry::kernel
