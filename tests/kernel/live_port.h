// The running kernel with one guarded TCP port, served on both families, and children that connect to it.
#ifndef BELFRY_TESTS_KERNEL_LIVE_PORT_H_
#define BELFRY_TESTS_KERNEL_LIVE_PORT_H_

#include <arpa/inet.h>

#include <array>
#include <cstring>

#include "kernel/live_kernel.h"
#include "kernel/routes.h"
#include "kit/endpoint.h"

namespace belfry::kernel {

// An address of either family, as connect(2) takes it.
struct Target {
  sockaddr_storage storage{};
  socklen_t size = 0;

  Target(const std::string& ip, uint16_t port) {
    auto* ipv4 = reinterpret_cast<sockaddr_in*>(&storage);
    auto* ipv6 = reinterpret_cast<sockaddr_in6*>(&storage);
    if (inet_pton(AF_INET, ip.c_str(), &ipv4->sin_addr) == 1) {
      ipv4->sin_family = AF_INET;
      ipv4->sin_port = htons(port);
      size = sizeof *ipv4;
    } else if (inet_pton(AF_INET6, ip.c_str(), &ipv6->sin6_addr) == 1) {
      ipv6->sin6_family = AF_INET6;
      ipv6->sin6_port = htons(port);
      size = sizeof *ipv6;
    }
  }
  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
  int Socket(int flags = 0) const { return socket(storage.ss_family, SOCK_STREAM | flags, 0); }
};

inline uint16_t PortOf(int fd) {
  sockaddr_in6 address{};
  socklen_t size = sizeof address;
  getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
  return ntohs(address.sin6_port);  // at the same place in both families
}

inline kit::OwnedFd ListenAt(const std::string& ip, uint16_t port = 0) {
  const Target target(ip, port);
  kit::OwnedFd fd(target.Socket(SOCK_CLOEXEC));
  const int yes = 1;
  setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  if (bind(fd.get(), target.get(), target.size) != 0 || listen(fd.get(), 4096) != 0) return {};
  return fd;
}

// Blocking: once it has succeeded and the other end was accepted, everything was told.
inline kit::OwnedFd ConnectTo(const std::string& ip, uint16_t port) {
  const Target target(ip, port);
  kit::OwnedFd fd(target.Socket(SOCK_CLOEXEC));
  return connect(fd.get(), target.get(), target.size) == 0 ? std::move(fd) : kit::OwnedFd();
}

inline std::string Text(const belfry_address& address) {
  std::array<uint8_t, sizeof address> bytes{};
  std::memcpy(bytes.data(), &address, sizeof address);
  return kit::AddressText(bytes);
}

class TcpTest : public LiveKernel {
 protected:
  static constexpr uint32_t kGuard = 9;

  void SetUp() override {
    LiveKernel::SetUp();
    if (kernel_ == nullptr) return;
    server_ = ListenAt("::");  // both families
    ASSERT_TRUE(server_) << "a machine without IPv6?";
    port_ = PortOf(server_.get());
    GuardAt("");
  }
  void GuardAt(const std::string& ip) {
    const std::string text = std::to_string(port_);
    const auto endpoint = kit::ParseEndpoint(ip.empty() ? text : ip + ":" + text);
    ASSERT_TRUE(endpoint) << ip;
    GuardedPort one{.guard = kGuard, .port = port_};
    std::memcpy(&one.address, endpoint->address.data(), sizeof one.address);
    ASSERT_TRUE(kernel_->SetGuardedPorts({&one, 1}).ok());
  }
  kit::OwnedFd Accept() { return kit::OwnedFd(accept4(server_.get(), nullptr, nullptr, SOCK_CLOEXEC)); }
  std::vector<belfry_event_tcp> Told() { return Drain<belfry_event_tcp>(BELFRY_KIND_TCP_CONNECT); }

  // What is told of a child that plays and stays.
  belfry_event_tcp ToldOf(const std::function<void()>& play) {
    Actor actor([&](const Actor::Stage& stage) {
      play();
      stage.Reach();
    });
    EXPECT_TRUE(actor.AwaitReach()) << "the child failed to connect";
    EXPECT_TRUE(Accept());
    pid_ = static_cast<uint32_t>(actor.pid());
    const auto live = kernel_->Live(pid_);
    const auto told = Told();
    if (told.size() != 1u || !live.ok()) {
      ADD_FAILURE() << told.size() << " events";
      return {};
    }
    live_ = *live;
    return told[0];
  }
  void ExpectItsOpener(const belfry_event_tcp& event, const std::string& client, const std::string& server) {
    const belfry_connection& record = event.connection;
    EXPECT_EQ(record.opener.tgid, pid_);
    EXPECT_EQ(record.opener.start_ns, live_.pin.start_ns);
    EXPECT_EQ(record.opener.exec_id, live_.pin.exec_id);
    EXPECT_EQ(record.exe.ino, live_.exe.ino);
    EXPECT_EQ(record.cgroup_id, live_.cgroup_id);
    EXPECT_EQ(record.guard, kGuard);
    EXPECT_EQ(record.taints, 0u);
    EXPECT_EQ(Text(event.ends.client), client);
    EXPECT_EQ(Text(event.ends.server), server);
    EXPECT_EQ(event.ends.server_port, port_);
    EXPECT_NE(event.ends.client_port, 0u);
  }
  void Route(const std::function<void()>& play) { ExpectItsOpener(ToldOf(play), "127.0.0.1", "127.0.0.1"); }

  kit::OwnedFd server_;
  uint16_t port_ = 0;
  uint32_t pid_ = 0;
  belfry_live live_ = {};
};

}  // namespace belfry::kernel

#endif  // BELFRY_TESTS_KERNEL_LIVE_PORT_H_
