// Who asked: every route to a guarded socket ends in one record, and nothing else does.
#include <liburing.h>
#include <sys/mount.h>
#include <sys/syscall.h>

#include <atomic>
#include <thread>

#include "kernel/live_kernel.h"
#include "kernel/routes.h"

namespace belfry::kernel {
namespace {

using std::string;

class ConnectTest : public LiveKernel {
 protected:
  // Plays in a child, which then waits; returns its records. A negative word from the child is a skip.
  std::vector<ConnectionEntry> RecordsAfter(const std::function<void()>& play) {
    Actor actor([&](const Actor::Stage& stage) {
      play();
      stage.Reach();
    });
    if (!actor.AwaitReach()) {
      ADD_FAILURE() << "the child failed to connect";
      return {};
    }
    pid_ = static_cast<uint32_t>(actor.pid());
    live_ = *kernel_->Live(pid_);
    return ConnectionsOf(pid_);
  }
  void ExpectOneSound(const std::vector<ConnectionEntry>& entries) {
    ASSERT_EQ(entries.size(), 1u);
    const belfry_connection& record = entries[0].record;
    EXPECT_TRUE(entries[0].alive);
    EXPECT_TRUE(entries[0].client_open);
    EXPECT_EQ(record.taints, 0u);
    EXPECT_EQ(record.guard, 7u);
    EXPECT_EQ(record.opener.tgid, pid_);
    EXPECT_EQ(record.opener.start_ns, live_.pin.start_ns);
    EXPECT_EQ(record.opener.exec_id, live_.pin.exec_id);
    EXPECT_EQ(record.exe.ino, live_.exe.ino);
    EXPECT_EQ(record.exe.ino != 0, true);
    EXPECT_EQ(record.creds.uid, live_.creds.uid);
    EXPECT_EQ(record.cgroup_id, live_.cgroup_id);
    EXPECT_EQ(record.listener_tgid, static_cast<uint32_t>(getpid()));
  }

  uint32_t pid_ = 0;
  belfry_live live_ = {};
};

TEST_F(ConnectTest, ConnectIsRecorded) {
  ExpectOneSound(RecordsAfter([&] { Must(ConnectFd(socket(AF_UNIX, SOCK_STREAM, 0), guarded_) == 0); }));
  const auto told = Drain<belfry_event_connect>(BELFRY_KIND_CONNECT);
  ASSERT_EQ(told.size(), 1u);
  EXPECT_EQ(told[0].connection.opener.tgid, pid_);
}

TEST_F(ConnectTest, TheListenerIsToldOnce) {
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(Connect(guarded_));
  const auto told = Drain<belfry_event_listener>(BELFRY_KIND_LISTENER);
  ASSERT_EQ(told.size(), 1u);
  EXPECT_EQ(told[0].tgid, static_cast<uint32_t>(getpid()));
  EXPECT_EQ(told[0].guard, 7u);
}

#ifdef __x86_64__
TEST_F(ConnectTest, By32BitCall) {
  ExpectOneSound(RecordsAfter([&] {
    const sockaddr_un address = Address(guarded_);
    ConnectBy32BitCall(socket(AF_UNIX, SOCK_STREAM, 0), &address, sizeof address);
  }));
}
#endif

class ByRing : public ConnectTest, public testing::WithParamInterface<std::pair<unsigned, unsigned>> {};
TEST_P(ByRing, IsRecorded) {
  const auto [ring_flags, entry_flags] = GetParam();
  if (const int error = WhyNoRings(); error < 0) GTEST_SKIP() << "missing: io_uring (" << error << ")";
  ExpectOneSound(RecordsAfter([&, ring_flags = ring_flags, entry_flags = entry_flags] {
    const sockaddr_un address = Address(guarded_);
    ConnectByRing(socket(AF_UNIX, SOCK_STREAM, 0), reinterpret_cast<const sockaddr*>(&address), sizeof address, ring_flags, entry_flags);
  }));
}
INSTANTIATE_TEST_SUITE_P(Routes, ByRing, testing::ValuesIn(kRings));

TEST_F(ConnectTest, FromAThread) {
  ExpectOneSound(RecordsAfter([&] {
    std::thread([&] { Must(ConnectFd(socket(AF_UNIX, SOCK_STREAM, 0), guarded_) == 0); }).join();
  }));
}

TEST_F(ConnectTest, ByASymlink) {
  const string link = folder_ + "/link";
  ASSERT_EQ(symlink(guarded_.c_str(), link.c_str()), 0);
  ExpectOneSound(RecordsAfter([&] { Must(ConnectFd(socket(AF_UNIX, SOCK_STREAM, 0), link) == 0); }));
}

TEST_F(ConnectTest, ByARelativePath) {
  ExpectOneSound(RecordsAfter([&] {
    Must(chdir(folder_.c_str()) == 0);
    Must(ConnectFd(socket(AF_UNIX, SOCK_STREAM, 0), "./guarded.sock") == 0);
  }));
}

TEST_F(ConnectTest, InAChroot) {
  ExpectOneSound(RecordsAfter([&] {
    Must(chroot(folder_.c_str()) == 0);
    Must(ConnectFd(socket(AF_UNIX, SOCK_STREAM, 0), "/guarded.sock") == 0);
  }));
}

TEST_F(ConnectTest, ByABindMountElsewhere) {
  std::filesystem::create_directory(folder_ + "/mirror");
  ExpectOneSound(RecordsAfter([&] {
    Must(unshare(CLONE_NEWNS) == 0);
    Must(mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0);
    Must(mount(folder_.c_str(), (folder_ + "/mirror").c_str(), nullptr, MS_BIND, nullptr) == 0);
    Must(ConnectFd(socket(AF_UNIX, SOCK_STREAM, 0), folder_ + "/mirror/guarded.sock") == 0);
  }));
}

TEST_F(ConnectTest, ByAHardLinkOrARenamedSocket) {
  // The socket is bound under the name at which it was bound: another name for it changes nothing.
  const string other = folder_ + "/other.sock";
  ASSERT_EQ(link(guarded_.c_str(), other.c_str()), 0);
  ExpectOneSound(RecordsAfter([&] { Must(ConnectFd(socket(AF_UNIX, SOCK_STREAM, 0), other) == 0); }));
}

TEST_F(ConnectTest, ASocketMovedToTheGuardedNameIsGuarded) {
  // Servers bind a temporary name and rename it; someone connects before that.
  const string fresh = folder_ + "/fresh.sock";
  const kit::OwnedFd moved = Listen(fresh);
  ASSERT_TRUE(Connect(fresh));
  EXPECT_EQ(ConnectionsOf(static_cast<uint32_t>(getpid())).size(), 0u);
  ASSERT_EQ(rename(fresh.c_str(), guarded_.c_str()), 0);
  ExpectOneSound(RecordsAfter([&] { Must(ConnectFd(socket(AF_UNIX, SOCK_STREAM, 0), guarded_) == 0); }));
}

TEST_F(ConnectTest, OtherSocketsAreNobodysBusiness) {
  const string path = folder_ + "/other.sock";
  const kit::OwnedFd other = Listen(path);
  EXPECT_TRUE(RecordsAfter([&] { Must(ConnectFd(socket(AF_UNIX, SOCK_STREAM, 0), path) == 0); }).empty());
  int pair[2];
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
  close(pair[0]);
  close(pair[1]);
  EXPECT_TRUE(kernel_->AllConnections()->empty());
}

// The kernel keeps long names elsewhere than short ones.
TEST_F(ConnectTest, ByANameOfAnyLength) {
  for (const size_t length : {1u, 7u, 8u, 9u, 31u, 32u, 39u, 40u, 64u}) {
    guarded_ = folder_ + "/" + std::string(length, 'n');
    listener_ = Listen(guarded_);
    ASSERT_TRUE(listener_) << length;
    Guard({{7, guarded_}});
    ExpectOneSound(RecordsAfter([&] { Must(ConnectFd(socket(AF_UNIX, SOCK_STREAM, 0), guarded_) == 0); }));
  }
}

TEST_F(ConnectTest, ANameGuardedLaterIsGuardedFromThenOn) {
  const string path = folder_ + "/later.sock";
  const kit::OwnedFd later = Listen(path);
  ASSERT_TRUE(Connect(path));
  EXPECT_TRUE(kernel_->AllConnections()->empty());
  Guard({{7, guarded_}, {8, path}});
  const kit::OwnedFd client = Connect(path);
  const auto entries = ConnectionsOf(static_cast<uint32_t>(getpid()));
  ASSERT_EQ(entries.size(), 1u);
  EXPECT_EQ(entries[0].record.guard, 8u);
  EXPECT_EQ(entries[0].cookie, CookieOf(client.get()));
  Guard({{7, guarded_}});
  ASSERT_TRUE(Connect(path));
  EXPECT_EQ(kernel_->AllConnections()->size(), 1u);
}

TEST_F(ConnectTest, FailedConnectsLeaveNothing) {
  listener_.Reset();
  for (int i = 0; i < 100; ++i) EXPECT_FALSE(Connect(guarded_));
  EXPECT_TRUE(kernel_->AllConnections()->empty());
  EXPECT_TRUE(!InTwoSteps() || CountersOf("connect_intent").seen >= 100u);
}

TEST_F(ConnectTest, AFailedConnectIsNotTakenForTheNextOne) {
  // The intent for a socket that failed must not become the record of another one.
  const int failed = socket(AF_UNIX, SOCK_STREAM, 0);
  EXPECT_EQ(ConnectFd(failed, folder_ + "/missing"), ENOENT);
  const kit::OwnedFd client = Connect(guarded_);
  const auto entries = ConnectionsOf(static_cast<uint32_t>(getpid()));
  ASSERT_EQ(entries.size(), 1u);
  EXPECT_EQ(entries[0].cookie, CookieOf(client.get()));
  close(failed);
}

// Where a hook pins, the second connect fails before it gets there, and has no pin to overwrite.
TEST_F(ConnectTest, ASecondConnectByAnotherProcessIsAmbiguous) {
  if (!InTwoSteps()) GTEST_SKIP() << "missing: backend cgroup, this is " << kernel_->BackendName();
  const kit::OwnedFd client = Connect(guarded_);
  Actor([&](const Actor::Stage&) { Must(ConnectFd(client.get(), guarded_) == EISCONN); }).Wait();
  const auto entries = ConnectionsOf(static_cast<uint32_t>(getpid()));
  ASSERT_EQ(entries.size(), 1u);
  EXPECT_EQ(entries[0].record.taints, 1u << BELFRY_TAINT_AMBIGUOUS);
  EXPECT_EQ(entries[0].record.opener.tgid, static_cast<uint32_t>(getpid()));
  const auto told = Drain<belfry_event_taint>(BELFRY_KIND_TAINT);
  ASSERT_EQ(told.size(), 1u);
  EXPECT_EQ(told[0].cookie, entries[0].cookie);
  EXPECT_EQ(told[0].taints, 1u << BELFRY_TAINT_AMBIGUOUS);
}

TEST_F(ConnectTest, ASecondConnectByTheOpenerIsNot) {
  const kit::OwnedFd client = Connect(guarded_);
  EXPECT_EQ(ConnectFd(client.get(), guarded_), EISCONN);
  EXPECT_EQ(ConnectionsOf(static_cast<uint32_t>(getpid())).at(0).record.taints, 0u);
}

TEST_F(ConnectTest, AskingForPeerCredentialsChangesNothing) {
  const kit::OwnedFd client = Connect(guarded_);
  const kit::OwnedFd server(accept(listener_.get(), nullptr, nullptr));
  ucred peer = {};
  socklen_t size = sizeof(peer);
  ASSERT_EQ(getsockopt(server.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size), 0);
  EXPECT_EQ(peer.pid, getpid());
  EXPECT_EQ(size, sizeof(peer));
  EXPECT_EQ(kernel_->AllConnections()->size(), 1u);
  EXPECT_EQ(kernel_->AllConnections()->at(0).record.taints, 0u);
  // Others are not disturbed, however large their buffer is.
  std::vector<char> large(100000);
  size = static_cast<socklen_t>(large.size());
  EXPECT_EQ(getsockopt(server.get(), SOL_SOCKET, SO_TYPE, large.data(), &size), 0);
  EXPECT_EQ(size, sizeof(int));
}

TEST_F(ConnectTest, RecordsAreTaintedAndForgotten) {
  const kit::OwnedFd client = Connect(guarded_);
  const uint64_t cookie = CookieOf(client.get());
  EXPECT_TRUE(kernel_->Taint(cookie, 1u << BELFRY_TAINT_EVIDENCE_GAP).ok());
  EXPECT_TRUE(kernel_->Taint(cookie, 1u << BELFRY_TAINT_FD_TRANSFERRED).ok());
  EXPECT_EQ(kernel_->Connection(cookie)->taints, 1u << BELFRY_TAINT_EVIDENCE_GAP | 1u << BELFRY_TAINT_FD_TRANSFERRED);
  EXPECT_EQ(kernel_->Taint(cookie + 1000, 1).code(), absl::StatusCode::kNotFound);
  EXPECT_TRUE(kernel_->Forget(cookie).ok());
  EXPECT_FALSE(kernel_->Connection(cookie));
  EXPECT_TRUE(ConnectionsOf(static_cast<uint32_t>(getpid())).empty());
}

TEST_F(ConnectTest, AliveUntilBothEndsAreGone) {
  kit::OwnedFd client = Connect(guarded_);
  const uint32_t self = static_cast<uint32_t>(getpid());
  kit::OwnedFd server(accept(listener_.get(), nullptr, nullptr));
  const kit::OwnedFd copy(dup(client.get()));
  client.Reset();
  EXPECT_TRUE(ConnectionsOf(self).at(0).client_open);
  const_cast<kit::OwnedFd&>(copy).Reset();
  EXPECT_TRUE(ConnectionsOf(self).at(0).alive);
  EXPECT_FALSE(ConnectionsOf(self).at(0).client_open);
  server.Reset();
  EXPECT_FALSE(ConnectionsOf(self).at(0).alive);
  // The server going first does not end it: the client could still speak.
  client = Connect(guarded_);
  kit::OwnedFd(accept(listener_.get(), nullptr, nullptr)).Reset();
  ASSERT_EQ(ConnectionsOf(self).size(), 2u);
  EXPECT_TRUE(kernel_->AllConnections()->at(0).alive || kernel_->AllConnections()->at(1).alive);
}

// Else a slow server would find it unrecorded when it accepts, and with it every connection of an honest process.
TEST_F(ConnectTest, AliveWhileAServerMayStillAcceptIt) {
  const uint32_t self = static_cast<uint32_t>(getpid());
  Connect(guarded_).Reset();
  EXPECT_TRUE(ConnectionsOf(self).at(0).alive);
  EXPECT_FALSE(ConnectionsOf(self).at(0).client_open);
  kit::OwnedFd server(accept(listener_.get(), nullptr, nullptr));
  EXPECT_TRUE(ConnectionsOf(self).at(0).alive);
  server.Reset();
  EXPECT_FALSE(ConnectionsOf(self).at(0).alive);
}

TEST_F(ConnectTest, ASecondConnectByAnotherProcessChangesNoPin) {
  const kit::OwnedFd client = Connect(guarded_);
  Actor([&](const Actor::Stage&) { Must(ConnectFd(client.get(), guarded_) == EISCONN); }).Wait();
  const auto entries = ConnectionsOf(static_cast<uint32_t>(getpid()));
  ASSERT_EQ(entries.size(), 1u);
  EXPECT_EQ(entries[0].record.opener.tgid, static_cast<uint32_t>(getpid()));
}

TEST_F(ConnectTest, AnExecShowsAsAnotherExecId) {
  Actor actor([&](const Actor::Stage& stage) {
    Must(ConnectFd(socket(AF_UNIX, SOCK_STREAM, 0), guarded_) == 0);
    stage.Reach();
    execl("/bin/sleep", "sleep", "1000", nullptr);
  });
  ASSERT_TRUE(actor.AwaitReach());
  const uint32_t pid = static_cast<uint32_t>(actor.pid());
  const uint64_t exec_id = kernel_->Live(pid)->pin.exec_id;
  actor.Continue();
  const belfry_process process = AwaitExec(pid, exec_id);
  EXPECT_STREQ(process.comm, "sleep");
  EXPECT_EQ(ConnectionsOf(pid).at(0).record.opener.exec_id, exec_id);
  EXPECT_GT(kernel_->Live(pid)->pin.exec_id, exec_id);
}

TEST_F(ConnectTest, RebindingLeavesNoConnectionUnrecorded) {
  for (int i = 0; i < 50; ++i) {
    listener_.Reset();
    unlink(guarded_.c_str());
    listener_ = Listen(guarded_);
    const kit::OwnedFd client = Connect(guarded_);
    ASSERT_TRUE(client);
    const std::optional<belfry_connection> record = kernel_->Connection(CookieOf(client.get()));
    ASSERT_TRUE(record) << i;
    EXPECT_EQ(record->taints, 0u);
  }
}

TEST_F(ConnectTest, ManyThreadsAtOnceAreAllRecorded) {
  constexpr int kThreads = 8, kEach = 100;
  std::vector<std::thread> threads;
  std::atomic<int> connected = 0;
  std::thread acceptor([&] {
    // Asks at once: often before the client's tracepoint has run.
    for (int i = 0; i < kThreads * kEach; ++i) {
      const kit::OwnedFd server(accept(listener_.get(), nullptr, nullptr));
      ucred peer = {};
      socklen_t size = sizeof(peer);
      getsockopt(server.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size);
    }
  });
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < kEach; ++i) connected += static_cast<bool>(Connect(guarded_));
    });
  }
  for (std::thread& thread : threads) thread.join();
  acceptor.join();
  EXPECT_EQ(connected, kThreads * kEach);
  const auto entries = ConnectionsOf(static_cast<uint32_t>(getpid()));
  EXPECT_EQ(entries.size(), static_cast<size_t>(kThreads * kEach));
  for (const ConnectionEntry& entry : entries) EXPECT_EQ(entry.record.taints, 0u);
  const ProgramCounters ready = CountersOf(Recorder()), asked = CountersOf(SecondLook());
  EXPECT_EQ(ready.seen, ready.sent + ready.ignored + ready.lost_ring + ready.lost_map);
  EXPECT_EQ(asked.seen, asked.sent + asked.ignored + asked.lost_ring + asked.lost_map);
  EXPECT_EQ(ready.sent + asked.sent, static_cast<uint64_t>(kThreads * kEach));
  RecordProperty("promoted_by_peercred", static_cast<int>(asked.sent));
}

}  // namespace
}  // namespace belfry::kernel
