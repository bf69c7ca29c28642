// Who connects to a guarded TCP port: every route ends in one event with its opener, and no other port in any.
#include <liburing.h>
#include <netinet/tcp.h>
#include <sys/resource.h>

#include <set>
#include <thread>

#include "kernel/live_port.h"
#include "kernel/routes.h"

namespace belfry::kernel {
namespace {

TEST_F(TcpTest, AConnectIsToldWithItsOpener) {
  Route([&] { Must(ConnectTo("127.0.0.1", port_).Release() >= 0); });
}

TEST_F(TcpTest, OfIpv6) {
  ExpectItsOpener(ToldOf([&] { Must(ConnectTo("::1", port_).Release() >= 0); }), "::1", "::1");
}

// A socket of IPv6 that speaks IPv4, on either side.
TEST_F(TcpTest, OfAMappedAddress) {
  Route([&] { Must(ConnectTo("::ffff:127.0.0.1", port_).Release() >= 0); });
}

TEST_F(TcpTest, ToAListenerOfIpv4Alone) {
  server_ = ListenAt("127.0.0.1");
  port_ = PortOf(server_.get());
  GuardAt("");
  Route([&] { Must(ConnectTo("127.0.0.1", port_).Release() >= 0); });
  Route([&] { Must(ConnectTo("::ffff:127.0.0.1", port_).Release() >= 0); });
}

TEST_F(TcpTest, FromAThread) {
  Route([&] { std::thread([&] { Must(ConnectTo("127.0.0.1", port_).Release() >= 0); }).join(); });
}

TEST_F(TcpTest, ThatDoesNotWait) {
  Route([&] {
    const Target target("127.0.0.1", port_);
    const int fd = target.Socket(SOCK_NONBLOCK);
    Must(connect(fd, target.get(), target.size) == 0 || errno == EINPROGRESS);
    pollfd waits{.fd = fd, .events = POLLOUT, .revents = 0};
    Must(poll(&waits, 1, -1) == 1);
  });
}

TEST_F(TcpTest, WithASocketBoundBefore) {
  Route([&] {
    const Target own("127.0.0.1", 0), target("127.0.0.1", port_);
    const int fd = own.Socket();
    Must(bind(fd, own.get(), own.size) == 0 && connect(fd, target.get(), target.size) == 0);
  });
}

TEST_F(TcpTest, BySendingWithFastOpen) {
  const int length = 16;
  setsockopt(server_.get(), IPPROTO_TCP, TCP_FASTOPEN, &length, sizeof length);
  for (int i = 0; i < 2; ++i)  // the second time with a cookie
    Route([&] {
      const Target target("127.0.0.1", port_);
      const int fd = target.Socket();
      Must(sendto(fd, "x", 1, MSG_FASTOPEN, target.get(), target.size) == 1);
    });
}

#ifdef __x86_64__
TEST_F(TcpTest, By32BitCall) {
  Route([&] {
    const Target target("127.0.0.1", port_);
    ConnectBy32BitCall(target.Socket(), target.get(), target.size);
  });
}
#endif

class TcpByRing : public TcpTest, public testing::WithParamInterface<std::pair<unsigned, unsigned>> {};
TEST_P(TcpByRing, IsTold) {
  const auto [ring_flags, entry_flags] = GetParam();
  if (const int error = WhyNoRings(); error < 0) GTEST_SKIP() << "missing: io_uring (" << error << ")";
  Route([&, ring_flags = ring_flags, entry_flags = entry_flags] {
    const Target target("127.0.0.1", port_);
    ConnectByRing(target.Socket(), target.get(), target.size, ring_flags, entry_flags);
  });
}
INSTANTIATE_TEST_SUITE_P(Routes, TcpByRing, testing::ValuesIn(kRings));

// The client's port comes back at once with SO_LINGER 0: each connection is its own opener's.
TEST_F(TcpTest, APortThatComesBack) {
  uint16_t again = 0;
  for (int i = 0; i < 3; ++i) {
    const belfry_event_tcp event = ToldOf([&] {
      const Target own("127.0.0.1", again), target("127.0.0.1", port_);
      const int fd = own.Socket(), yes = 1;
      const linger none{.l_onoff = 1, .l_linger = 0};
      setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
      setsockopt(fd, SOL_SOCKET, SO_LINGER, &none, sizeof none);
      Must(bind(fd, own.get(), own.size) == 0 && connect(fd, target.get(), target.size) == 0);
    });
    ExpectItsOpener(event, "127.0.0.1", "127.0.0.1");
    EXPECT_TRUE(again == 0 || event.ends.client_port == again);
    again = event.ends.client_port;
  }
}

// It is who sent the SYN, whatever it runs by the time the server's end is there.
TEST_F(TcpTest, TheOpenerIsTheOneOfTheConnect) {
  const belfry_event_tcp event = ToldOf([&] { Must(ConnectTo("127.0.0.1", port_).Release() >= 0); });
  EXPECT_EQ(event.connection.creds.euid, geteuid());
  EXPECT_LE(event.connection.connect_ns, event.header.time_ns);
}

TEST_F(TcpTest, ABystandersPortYieldsNothing) {
  const kit::OwnedFd other = ListenAt("::");
  const ProgramCounters before = CountersOf("tcp_state");
  for (const char* ip : {"127.0.0.1", "::1"}) ASSERT_TRUE(ConnectTo(ip, PortOf(other.get())));
  // Nor does one whose client's port is the guarded one's number, or an UDP socket's.
  const Target own("127.0.0.2", port_), target("127.0.0.2", PortOf(other.get()));
  const kit::OwnedFd fd(own.Socket());
  ASSERT_TRUE(bind(fd.get(), own.get(), own.size) == 0 || errno == EADDRINUSE);
  ASSERT_EQ(connect(fd.get(), target.get(), target.size), 0);
  const kit::OwnedFd datagrams(socket(AF_INET, SOCK_DGRAM, 0));
  const Target guarded("127.0.0.1", port_);
  ASSERT_EQ(connect(datagrams.get(), guarded.get(), guarded.size), 0);
  EXPECT_TRUE(Told().empty());
  EXPECT_EQ(CountersOf("tcp_state").seen, before.seen);
}

TEST_F(TcpTest, AGuardOfOneAddressHasNoOther) {
  GuardAt("127.0.0.1");
  Route([&] { Must(ConnectTo("127.0.0.1", port_).Release() >= 0); });
  for (const char* ip : {"127.0.0.2", "::1"}) {
    ASSERT_TRUE(ConnectTo(ip, port_)) << ip;
    ASSERT_TRUE(Accept());
  }
  EXPECT_TRUE(Told().empty());
  GuardAt("[::1]");
  ExpectItsOpener(ToldOf([&] { Must(ConnectTo("::1", port_).Release() >= 0); }), "::1", "::1");
  ASSERT_TRUE(ConnectTo("127.0.0.1", port_));
  ASSERT_TRUE(Accept());
  EXPECT_TRUE(Told().empty());
}

TEST_F(TcpTest, APortThatIsGuardedNoMore) {
  ASSERT_TRUE(kernel_->SetGuardedPorts({}).ok());
  ASSERT_TRUE(ConnectTo("127.0.0.1", port_));
  ASSERT_TRUE(Accept());
  EXPECT_TRUE(Told().empty());
}

// More than the map of those who are connecting could hold, had they stayed in it.
TEST_F(TcpTest, ConnectsThatFailLeaveNothing) {
  const kit::OwnedFd nobody(socket(AF_INET, SOCK_STREAM, 0));
  const Target own("127.0.0.1", 0);
  ASSERT_EQ(bind(nobody.get(), own.get(), own.size), 0);
  const GuardedPort both[] = {{.guard = kGuard, .port = PortOf(nobody.get())}, {.guard = kGuard, .port = port_}};
  ASSERT_TRUE(kernel_->SetGuardedPorts(both).ok());
  constexpr int kMany = 10000;
  const rlimit room{.rlim_cur = 2 * kMany, .rlim_max = 2 * kMany};
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &room), 0);
  std::vector<kit::OwnedFd> open;  // all at once: what is closed would give its memory to the next
  const Target target("127.0.0.1", both[0].port);
  for (int i = 0; i < kMany; ++i) {
    open.emplace_back(target.Socket());
    ASSERT_EQ(connect(open.back().get(), target.get(), target.size), -1);
  }
  EXPECT_EQ(CountersOf("tcp_state").lost_map, 0u);
  Route([&] { Must(ConnectTo("127.0.0.1", port_).Release() >= 0); });
}

// Its opener sent the SYN before anybody watched.
TEST_F(TcpTest, AConnectThatBeganBefore) {
  ASSERT_TRUE(kernel_->SetGuardedPorts({}).ok());
  server_ = ListenAt("127.0.0.1");
  port_ = PortOf(server_.get());
  // The queue is full: the handshake stays open until there is room. Its last step is sent again and again.
  ASSERT_EQ(listen(server_.get(), 0), 0);
  const kit::OwnedFd first = ConnectTo("127.0.0.1", port_);
  ASSERT_TRUE(first);
  const Target target("127.0.0.1", port_);
  const kit::OwnedFd late(target.Socket(SOCK_NONBLOCK));
  ASSERT_TRUE(connect(late.get(), target.get(), target.size) == 0 || errno == EINPROGRESS);
  GuardAt("");
  ASSERT_TRUE(Accept());
  ASSERT_EQ(listen(server_.get(), 8), 0);
  ASSERT_TRUE(Accept());
  const auto told = Told();
  ASSERT_EQ(told.size(), 1u);
  EXPECT_EQ(told[0].connection.opener.tgid, 0u);
  EXPECT_EQ(told[0].connection.taints, 1u << BELFRY_TAINT_UNRECORDED);
  EXPECT_EQ(told[0].connection.place, BELFRY_PLACE_UNKNOWN);
}

TEST_F(TcpTest, WhoListensIsTold) {
  const kit::OwnedFd other = ListenAt("127.0.0.1", 0);
  GuardAt("");
  Drain<belfry_event_listener>(BELFRY_KIND_LISTENER);
  const uint16_t port = port_;
  server_.Reset();
  Actor actor([&](const Actor::Stage& stage) {
    const kit::OwnedFd fd = ListenAt("::", port);
    Must(static_cast<bool>(fd));
    stage.Reach();
  });
  ASSERT_TRUE(actor.AwaitReach());
  const auto told = Drain<belfry_event_listener>(BELFRY_KIND_LISTENER);
  ASSERT_EQ(told.size(), 1u);
  EXPECT_EQ(told[0].tgid, static_cast<uint32_t>(actor.pid()));
  EXPECT_EQ(told[0].guard, kGuard);
  const auto slots = kernel_->Sockets(0);
  ASSERT_TRUE(slots.ok());
  std::set<uint32_t> holders;
  for (const belfry_socket& slot : *slots)
    if (slot.guard == kGuard && slot.end == BELFRY_END_LISTENER) holders.insert(slot.holder_tgid);
  EXPECT_EQ(holders, std::set<uint32_t>{static_cast<uint32_t>(actor.pid())});
}

}  // namespace
}  // namespace belfry::kernel
