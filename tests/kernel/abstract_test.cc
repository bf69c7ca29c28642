// A name in no filesystem (unix(7), "abstract"): who connects to it is recorded and pinned as at a path.
#include <sched.h>

#include "kernel/live_use.h"

namespace belfry::kernel {
namespace {

constexpr uint32_t kAbstractGuard = 8;

class AbstractTest : public LiveKernel {
 protected:
  // `name` without the zero byte that it begins with.
  static int Bound(const std::string& name, int (*call)(int, const sockaddr*, socklen_t), int fd) {
    sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
    name.copy(address.sun_path + 1, sizeof address.sun_path - 1);
    return call(fd, reinterpret_cast<const sockaddr*>(&address), static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size()));
  }
  static kit::OwnedFd ListenAt(const std::string& name, int type = SOCK_STREAM) {
    kit::OwnedFd fd(socket(AF_UNIX, type | SOCK_CLOEXEC, 0));
    return Bound(name, bind, fd.get()) == 0 && listen(fd.get(), 16) == 0 ? std::move(fd) : kit::OwnedFd();
  }
  static kit::OwnedFd ConnectTo(const std::string& name, int type = SOCK_STREAM) {
    kit::OwnedFd fd(socket(AF_UNIX, type | SOCK_CLOEXEC, 0));
    return Bound(name, connect, fd.get()) == 0 ? std::move(fd) : kit::OwnedFd();
  }
  void GuardAt(const std::string& name) {
    struct stat netns {};
    ASSERT_EQ(stat("/proc/self/ns/net", &netns), 0);
    const GuardedName one{.guard = kAbstractGuard, .socket = 0, .dev = static_cast<uint32_t>(netns.st_ino), .path = "@" + name};
    ASSERT_TRUE(kernel_->SetGuardedNames({&one, 1}).ok());
  }
  size_t Recorded() { return ConnectionsOf(static_cast<uint32_t>(getpid())).size(); }

  const std::string name_ = "belfry-test-" + std::to_string(getpid());
};

TEST_F(AbstractTest, ConnectIsRecordedAndItsListenerTold) {
  for (const std::string& name : {name_, std::string("z"), std::string("/a/b\0c", 6), std::string(107, 'n')}) {
    GuardAt(name);
    const kit::OwnedFd listener = ListenAt(name);
    ASSERT_TRUE(listener) << name;
    Actor child([&](const Actor::Stage& stage) {
      const kit::OwnedFd fd = ConnectTo(name);
      stage.Reach();
    });
    ASSERT_TRUE(child.AwaitReach());
    const auto entries = ConnectionsOf(static_cast<uint32_t>(child.pid()));
    ASSERT_EQ(entries.size(), 1u) << name;
    EXPECT_EQ(entries[0].record.guard, kAbstractGuard);
    EXPECT_EQ(entries[0].record.taints, 0u);
    EXPECT_EQ(entries[0].record.listener_tgid, static_cast<uint32_t>(getpid()));
    EXPECT_TRUE(entries[0].alive);
    EXPECT_EQ(Drain<belfry_event_listener>(BELFRY_KIND_LISTENER).size(), 1u);
  }
}

TEST_F(AbstractTest, OtherNamesAreNobodys) {
  GuardAt(name_);
  for (const std::string& other : {name_ + "x", name_.substr(0, name_.size() - 1), name_ + '\0', '\0' + name_, '@' + name_}) {
    const kit::OwnedFd listener = ListenAt(other);
    EXPECT_TRUE(ConnectTo(other));
  }
  const kit::OwnedFd file = Listen(folder_ + "/@" + name_);
  EXPECT_TRUE(Connect(folder_ + "/@" + name_));
  EXPECT_EQ(Recorded(), 0u);
  const kit::OwnedFd listener = ListenAt(name_);
  EXPECT_TRUE(ConnectTo(name_));
  EXPECT_EQ(Recorded(), 1u);
}

// Whoever binds it beside the server is not taken for it, nor who connects there.
TEST_F(AbstractTest, TheSameNameOfAnotherTypeIsNobodys) {
  GuardAt(name_);
  const kit::OwnedFd guarded = ListenAt(name_), listener = ListenAt(name_, SOCK_SEQPACKET);
  ASSERT_TRUE(guarded);
  ASSERT_TRUE(listener);
  const kit::OwnedFd client = ConnectTo(name_, SOCK_SEQPACKET), server(accept(listener.get(), nullptr, nullptr));
  ASSERT_TRUE(client);
  ucred peer{};
  socklen_t size = sizeof peer;
  ASSERT_EQ(getsockopt(server.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size), 0);
  EXPECT_EQ(Recorded(), 0u);
  EXPECT_EQ(Drain<belfry_event_listener>(BELFRY_KIND_LISTENER).size(), 0u);
  const auto sockets = kernel_->Sockets(0);
  ASSERT_TRUE(sockets.ok());
  EXPECT_EQ(sockets->size(), 1u);
}

TEST_F(AbstractTest, TheSameNameOfAnotherNetworkNamespaceIsNobodys) {
  GuardAt(name_);
  Actor child([&](const Actor::Stage& stage) {
    if (unshare(CLONE_NEWNET) != 0) _exit(96);
    const kit::OwnedFd listener = ListenAt(name_), client = ConnectTo(name_);
    stage.Say(listener && client);
    stage.Reach();
  });
  ASSERT_EQ(child.Hear(), 1);
  ASSERT_TRUE(child.AwaitReach());
  EXPECT_TRUE(ConnectionsOf(static_cast<uint32_t>(child.pid())).empty());
}

TEST_F(AbstractTest, WhatIsOlderThanTheGuardIsFound) {
  kernel_.reset();
  const kit::OwnedFd listener = ListenAt(name_), client = ConnectTo(name_), server(accept(listener.get(), nullptr, nullptr));
  Load();
  ASSERT_TRUE(kernel_);
  GuardAt(name_);
  const auto sockets = kernel_->Sockets(0);
  ASSERT_TRUE(sockets.ok());
  for (const int fd : {listener.get(), client.get(), server.get()})
    EXPECT_EQ(std::count_if(sockets->begin(), sockets->end(), [&](const belfry_socket& one) { return one.fd == static_cast<uint32_t>(fd); }), 1) << fd;
  EXPECT_EQ(sockets->size(), 3u);
  ucred peer{};
  socklen_t size = sizeof peer;
  ASSERT_EQ(getsockopt(server.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size), 0);
  const auto entries = ConnectionsOf(static_cast<uint32_t>(getpid()));
  ASSERT_EQ(entries.size(), 1u);
  EXPECT_EQ(entries[0].record.taints, 1u << BELFRY_TAINT_UNRECORDED);
}

TEST_F(AbstractTest, NobodyElseSpeaks) {
  if (!kernel_->RefusesUse()) GTEST_SKIP() << "missing: a backend that refuses (bpf_lsm or fmod_ret), not " << kernel_->BackendName();
  GuardAt(name_);
  GuardOrders orders{.guard = kAbstractGuard};
  orders.orders = {.mode = BELFRY_MODE_DENY, .flags = 0, .withhold = kFallen, .pad = 0, .loss_ns = 0};
  ASSERT_TRUE(kernel_->SetOrders({&orders, 1}).ok());
  const kit::OwnedFd listener = ListenAt(name_), client = ConnectTo(name_);
  Actor child([&](const Actor::Stage& stage) { stage.Say(send(client.get(), "x", 1, 0) == 1 ? 0 : errno); });
  EXPECT_EQ(child.Hear(), EACCES);
  EXPECT_EQ(send(client.get(), "x", 1, 0), 1);
}

}  // namespace
}  // namespace belfry::kernel
