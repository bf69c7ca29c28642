// What outlives the daemon, and what is known when the ring has lost it.
#include <sys/syscall.h>

#include <algorithm>

#include "kernel/live_kernel.h"
#include "kernel/off_switch.h"

namespace belfry::kernel {
namespace {

using std::string;

class KeepTest : public PinnedKernel {
 protected:
  // Programs that hang somewhere: what counts for `limit` is part of another.
  size_t Hooked() {
    const auto programs = kernel_->Counters();
    return static_cast<size_t>(std::count_if(programs.begin(), programs.end(), [](const auto& one) { return one.name != "limit" && one.name != "rules"; }));
  }
  std::vector<kit::OwnedFd> PinnedLinks() {
    std::vector<kit::OwnedFd> links;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder_ + "/bpf")) {
      if (entry.path().filename().string().rfind("link_", 0) != 0) continue;
      const string path = entry.path();
      // BPF_OBJ_GET
      struct {
        uint64_t path;
        uint32_t fd = 0, flags = 0;
      } get = {.path = reinterpret_cast<uint64_t>(path.c_str())};
      links.emplace_back(static_cast<int>(syscall(SYS_bpf, 7, &get, sizeof(get))));
    }
    return links;
  }
};

TEST_F(KeepTest, RecordsAreKeptWhileNobodyIsThere) {
  const kit::OwnedFd before = Connect(guarded_);
  kernel_.reset();
  const kit::OwnedFd meanwhile = Connect(guarded_);
  Actor born([&](const Actor::Stage& stage) {
    stage.Reach();
    execl("/bin/sleep", "sleep", "1000", nullptr);
  });
  ASSERT_TRUE(born.AwaitReach());
  born.Continue();
  EXPECT_TRUE(Reopen());
  AwaitExec(static_cast<uint32_t>(born.pid()), 0);
  const kit::OwnedFd after = Connect(guarded_);
  EXPECT_EQ(ConnectionsOf(static_cast<uint32_t>(getpid())).size(), 3u);
  for (const auto* fd : {&before, &meanwhile, &after}) {
    const std::optional<belfry_connection> record = kernel_->Connection(CookieOf(fd->get()));
    ASSERT_TRUE(record);
    EXPECT_EQ(record->taints, 0u);
  }
  for (const ProgramCounters& counters : kernel_->Counters()) EXPECT_TRUE(counters.attached) << counters.name;
}

TEST_F(KeepTest, KilledInTheMiddleNothingIsLost) {
  kernel_.reset();
  RemovePins(folder_ + "/bpf").IgnoreError();
  Actor daemon([&](const Actor::Stage& stage) {
    absl::StatusOr<Opened> opened = OpenKernel(Options());
    if (!opened.ok()) _exit(1);
    kernel_ = std::move(opened->kernel);
    Guard({{7, guarded_}});
    stage.Reach();
    for (;;) (void)kernel_->ConnectionsOf(1);
  });
  ASSERT_TRUE(daemon.AwaitReach());
  daemon.Continue();
  std::vector<kit::OwnedFd> clients;
  for (int i = 0; i < 300; ++i) {
    if (i == 100) kill(daemon.pid(), SIGKILL);
    if (i == 200) daemon.Wait();
    clients.push_back(Connect(guarded_));
  }
  EXPECT_TRUE(Reopen());
  EXPECT_EQ(ConnectionsOf(static_cast<uint32_t>(getpid())).size(), 300u);
}

TEST_F(KeepTest, LinksOfAnotherObjectAreReplacedAndMapsKept) {
  const kit::OwnedFd before = Connect(guarded_);
  const size_t links = Hooked();
  kernel_.reset();
  // As an upgrade with the same layout would find it: somebody else's mark.
  for (const auto& directory : std::filesystem::directory_iterator(folder_ + "/bpf")) {
    if (!directory.is_directory()) continue;  // the kernel's own: maps.debug, progs.debug
    for (const auto& entry : std::filesystem::directory_iterator(directory.path())) {
      if (entry.is_directory()) std::filesystem::remove(entry.path());
    }
  }
  // The old links are held until the end: both objects are attached, one acts.
  const std::vector<kit::OwnedFd> old = PinnedLinks();
  ASSERT_EQ(old.size(), links);
  EXPECT_FALSE(Reopen());
  const kit::OwnedFd after = Connect(guarded_);
  const auto entries = ConnectionsOf(static_cast<uint32_t>(getpid()));
  ASSERT_EQ(entries.size(), 2u);
  for (const ConnectionEntry& entry : entries) EXPECT_EQ(entry.record.taints, 0u);
  EXPECT_TRUE(Reopen());
}

// An upgrade: programs of another build into the same maps. Both act for a moment, and it shows nowhere.
TEST_F(KeepTest, AnotherBuildGoesOnWhereTheOldOneWas) {
  const kit::OwnedFd before = Connect(guarded_);
  const std::vector<kit::OwnedFd> old = PinnedLinks();  // held until the end: both are attached
  setenv("BELFRY_TEST_OBJECT", "another", 1);
  EXPECT_TRUE(Reopen());
  const kit::OwnedFd after = Connect(guarded_);
  const auto entries = ConnectionsOf(static_cast<uint32_t>(getpid()));
  EXPECT_EQ(entries.size(), 2u);
  for (const ConnectionEntry& entry : entries) EXPECT_EQ(entry.record.taints, 0u);
  EXPECT_TRUE(kernel_->RetireOthers().ok());
  EXPECT_TRUE(Reopen());
  unsetenv("BELFRY_TEST_OBJECT");
}

// What the old programs knew is not ours; they stay until they are told to go.
TEST_F(KeepTest, AnotherLayoutBeginsAnewAndSendsTheOldOneAway) {
  const kit::OwnedFd before = Connect(guarded_);
  const size_t links = PinnedLinks().size();
  setenv("BELFRY_TEST_LAYOUT", "another", 1);
  EXPECT_FALSE(Reopen());
  EXPECT_TRUE(ConnectionsOf(static_cast<uint32_t>(getpid())).empty());
  EXPECT_EQ(PinnedLinks().size(), 2 * links);
  EXPECT_TRUE(kernel_->RetireOthers().ok());
  EXPECT_EQ(PinnedLinks().size(), links);
  EXPECT_TRUE(Reopen());
  unsetenv("BELFRY_TEST_LAYOUT");
}

TEST_F(KeepTest, TheOffSwitchReachesWhatADeadDaemonLeft) {
  GuardOrders orders[2] = {{.guard = 3}, {.guard = 7}};
  for (GuardOrders& one : orders) one.orders = {.mode = BELFRY_MODE_DENY, .flags = 1, .withhold = 5, .pad = 0, .loss_ns = 9};
  ASSERT_TRUE(kernel_->SetOrders(orders).ok());
  kernel_.reset();
  EXPECT_EQ(*LetPass(folder_ + "/bpf", 7), 1);
  EXPECT_EQ(*LetPass(folder_ + "/bpf", 7), 0);
  EXPECT_EQ(*LetPass(folder_ + "/bpf", std::nullopt), 1);
  EXPECT_EQ(*LetPass(folder_, std::nullopt), 0);  // not a BPF filesystem
}

TEST_F(KeepTest, UninstallLeavesNothing) {
  const auto programs = kernel_->Counters();
  const int links = static_cast<int>(Hooked());
  const bool own_cookies = std::any_of(programs.begin(), programs.end(), [](const auto& one) { return one.name == "socket_gone"; });
  kernel_.reset();
  const absl::StatusOr<int> removed = RemovePins(folder_ + "/bpf");
  ASSERT_TRUE(removed.ok()) << removed.status();
  EXPECT_EQ(*removed, (own_cookies ? 26 : 24) + links);  // and so many maps
  for (const auto& entry : std::filesystem::directory_iterator(folder_ + "/bpf")) {
    EXPECT_FALSE(entry.is_directory()) << entry.path();  // maps.debug and progs.debug are the kernel's own
  }
  EXPECT_EQ(*RemovePins(folder_ + "/bpf"), 0);
  EXPECT_EQ(*RemovePins(folder_), 0);  // not a BPF filesystem
}

TEST_F(KeepTest, TheReferenceFollowsTheDaemon) {
  // Adopted programs must see what the new daemon says.
  EXPECT_TRUE(Reopen());
  Actor child([](const Actor::Stage& stage) { stage.Reach(); });
  ASSERT_TRUE(child.AwaitReach());
  EXPECT_EQ(kernel_->Live(static_cast<uint32_t>(child.pid()))->place, 0u);
}

class LossTest : public LiveKernel {
 protected:
  BpfOptions Options() override {
    BpfOptions options = LiveKernel::Options();
    options.ring_bytes = 4096;  // room for two dozen connects
    options.max_connections = 512;
    return options;
  }
  bool LoadsAnew() override { return true; }  // counts from zero
  bool ReopenWithout(const char* hook) {
    kernel_.reset();
    setenv("BELFRY_TEST_LEAVE_OUT", hook, 1);
    absl::StatusOr<Opened> opened = OpenKernel(Options());
    unsetenv("BELFRY_TEST_LEAVE_OUT");
    if (!opened.ok()) return false;
    kernel_ = std::move(opened->kernel);
    Guard({{7, guarded_}});
    return true;
  }
};

TEST_F(LossTest, RecordsAreCompleteThoughTheRingLostThem) {
  std::vector<kit::OwnedFd> clients;
  for (int i = 0; i < 100; ++i) clients.push_back(Connect(guarded_));
  const ProgramCounters counters = CountersOf(Recorder());
  EXPECT_EQ(counters.seen, 100u);
  EXPECT_GT(counters.lost_ring, 0u);
  EXPECT_EQ(counters.seen, counters.sent + counters.ignored + counters.lost_ring + counters.lost_map);
  EXPECT_EQ(ConnectionsOf(static_cast<uint32_t>(getpid())).size(), 100u);
  // The next ones are told again, and still all are known.
  clients.push_back(Connect(guarded_));
  EXPECT_EQ(ConnectionsOf(static_cast<uint32_t>(getpid())).size(), 101u);
  size_t told = Drain<belfry_event_connect>(BELFRY_KIND_CONNECT).size();
  EXPECT_EQ(told, CountersOf(Recorder()).sent);
}

// Whoever may connect cannot hide whoever may not.
TEST_F(LossTest, WhatIsAgainstAGuardFindsRoomInARingThatOthersFilled) {
  const std::string other = folder_ + "/other.sock";
  const kit::OwnedFd listener = Listen(other);
  Guard({{7, guarded_}, {8, other}});
  // No rule at all: nobody may.
  const auto nobody = std::make_shared<PolicyRules>(PolicyRules{.number = 5, .policy = {}, .values = {}});
  const GuardOrders orders{.guard = 8, .orders = {.policy = 5}, .rules = nobody};
  ASSERT_TRUE(kernel_->SetOrders({&orders, 1}).ok());
  std::vector<kit::OwnedFd> clients;
  for (int i = 0; i < 100; ++i) clients.push_back(Connect(guarded_));
  EXPECT_GT(CountersOf(Recorder()).lost_ring, 0u);
  Actor stranger([&](const Actor::Stage& stage) { stage.Say(ConnectFd(socket(AF_UNIX, SOCK_STREAM, 0), other)); });
  ASSERT_EQ(stranger.Hear(), 0);
  const auto told = Drain<belfry_event_connect>(BELFRY_KIND_CONNECT);
  ASSERT_FALSE(told.empty());
  EXPECT_EQ(told.back().connection.guard, 8u);
  EXPECT_EQ(told.back().connection.rule, BELFRY_RULE_NONE);
}

TEST_F(LossTest, AFullMapIsCounted) {
  std::vector<kit::OwnedFd> clients;
  for (int i = 0; i < 600; ++i) clients.push_back(Connect(guarded_));
  const ProgramCounters counters = CountersOf(Recorder());
  EXPECT_EQ(counters.seen, 600u);
  EXPECT_GE(counters.lost_map, 88u);
  EXPECT_EQ(counters.seen, counters.sent + counters.ignored + counters.lost_ring + counters.lost_map);
  EXPECT_FALSE(kernel_->Connection(CookieOf(clients.back().get())));
}

TEST_F(LossTest, WhomThereIsNoRoomToRecordAGuardThatDeniesMayRefuse) {
  if (!kernel_->RefusesUse()) GTEST_SKIP() << "missing: a backend that refuses (bpf_lsm or fmod_ret), not " << kernel_->BackendName();
  std::vector<kit::OwnedFd> clients;
  for (int i = 0; i < 600; ++i) clients.push_back(Connect(guarded_));
  ASSERT_GE(CountersOf(Recorder()).lost_map, 88u);
  struct Asked {
    uint32_t mode, flags;
    int error;
  };
  for (const Asked& asked : {Asked{BELFRY_MODE_DENY, BELFRY_GUARD_FULL_REFUSES, EAGAIN},
                             {BELFRY_MODE_DENY, 0, 0},
                             {BELFRY_MODE_OBSERVE, BELFRY_GUARD_FULL_REFUSES, 0}}) {
    const GuardOrders orders{.guard = 7, .orders = {.mode = asked.mode, .flags = asked.flags}};
    ASSERT_TRUE(kernel_->SetOrders({&orders, 1}).ok());
    Actor client([&](const Actor::Stage& stage) { stage.Say(ConnectFd(socket(AF_UNIX, SOCK_STREAM, 0), guarded_)); });
    EXPECT_EQ(client.Hear(), asked.error) << asked.mode << " " << asked.flags;
    EXPECT_TRUE(Connect(guarded_)) << "whoever serves it is never in its own way";
  }
  EXPECT_EQ(CountersOf(Recorder()).refused, 1u);
}

// Nobody sweeps here: as with a daemon that is dead, or slower than who connects and closes in a loop.
TEST_F(LossTest, WhatEndedMakesRoomAndWhatLivesStays) {
  std::vector<kit::OwnedFd> steady, servers;
  for (int i = 0; i < 100; ++i) {
    steady.push_back(Connect(guarded_));
    servers.emplace_back(accept(listener_.get(), nullptr, nullptr));
  }
  for (int i = 0; i < 3000; ++i) {
    const kit::OwnedFd client = Connect(guarded_);
    const kit::OwnedFd server(accept(listener_.get(), nullptr, nullptr));
    ASSERT_TRUE(kernel_->Connection(CookieOf(client.get()))) << "connect " << i;
  }
  EXPECT_EQ(CountersOf(Recorder()).lost_map, 0u);
  for (const kit::OwnedFd& client : steady) EXPECT_TRUE(kernel_->Connection(CookieOf(client.get())));
  EXPECT_LE(ConnectionsOf(static_cast<uint32_t>(getpid())).size(), 512u);
}

TEST_F(LossTest, ForgottenOnesDoNotHideOthers) {
  const uint32_t self = static_cast<uint32_t>(getpid());
  for (int round = 0; round < 5; ++round) {
    std::vector<kit::OwnedFd> clients;
    for (int i = 0; i < 60; ++i) clients.push_back(Connect(guarded_));
    EXPECT_EQ(ConnectionsOf(self).size(), 60u);
    for (const kit::OwnedFd& client : clients) EXPECT_TRUE(kernel_->Forget(CookieOf(client.get())).ok());
    EXPECT_TRUE(ConnectionsOf(self).empty());
    for (;;) {  // the queue is emptied for the next round
      pollfd ready = {.fd = listener_.get(), .events = POLLIN};
      if (poll(&ready, 1, 0) != 1) break;
      kit::OwnedFd(accept(listener_.get(), nullptr, nullptr)).Reset();
    }
  }
}

TEST(Hooks, OneLeftOutIsNotAttached) {
  if (geteuid() != 0) GTEST_SKIP() << "missing: root";
  setenv("BELFRY_TEST_LEAVE_OUT", "process_exec", 1);
  BpfOptions options;
  options.pin = false;
  absl::StatusOr<Opened> opened = OpenKernel(options);
  unsetenv("BELFRY_TEST_LEAVE_OUT");
  ASSERT_TRUE(opened.ok()) << opened.status();
  for (const ProgramCounters& counters : opened->kernel->Counters()) {
    EXPECT_EQ(counters.attached, counters.name != "process_exec") << counters.name;
  }
}

TEST_F(LossTest, TheSecondLookPromotesTheIntent) {
  if (!InTwoSteps()) GTEST_SKIP() << "missing: backend cgroup, this is " << kernel_->BackendName();
  // As if the server asked before the client's tracepoint has run.
  ASSERT_TRUE(ReopenWithout("connect_ready"));
  const uint32_t self = static_cast<uint32_t>(getpid());
  const kit::OwnedFd client = Connect(guarded_);
  EXPECT_TRUE(ConnectionsOf(self).empty());
  const kit::OwnedFd server(accept(listener_.get(), nullptr, nullptr));
  ucred peer = {};
  socklen_t size = sizeof(peer);
  ASSERT_EQ(getsockopt(server.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size), 0);
  const auto entries = ConnectionsOf(self);
  ASSERT_EQ(entries.size(), 1u);
  EXPECT_EQ(entries[0].cookie, CookieOf(client.get()));
  EXPECT_EQ(entries[0].record.taints, 0u);
  EXPECT_EQ(entries[0].record.guard, 7u);
  EXPECT_EQ(entries[0].record.opener.exec_id, kernel_->Live(self)->pin.exec_id);
  EXPECT_EQ(entries[0].record.exe.ino, kernel_->Live(self)->exe.ino);
  EXPECT_EQ(CountersOf("connect_peercred").sent, 1u);
}

TEST_F(LossTest, TheSecondLookBelievesNoIntentOfAnEarlierImage) {
  if (!InTwoSteps()) GTEST_SKIP() << "missing: backend cgroup, this is " << kernel_->BackendName();
  ASSERT_TRUE(ReopenWithout("connect_ready"));
  Actor child([&](const Actor::Stage& stage) {
    const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    if (ConnectFd(fd, guarded_) != 0) _exit(1);
    stage.Reach();
    execl("/bin/sleep", "sleep", "1000", nullptr);
  });
  ASSERT_TRUE(child.AwaitReach());
  const uint32_t pid = static_cast<uint32_t>(child.pid());
  const uint64_t exec_id = kernel_->Live(pid)->pin.exec_id;
  child.Continue();
  AwaitExec(pid, exec_id);
  const kit::OwnedFd server(accept(listener_.get(), nullptr, nullptr));
  ucred peer = {};
  socklen_t size = sizeof(peer);
  ASSERT_EQ(getsockopt(server.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size), 0);
  const auto entries = ConnectionsOf(pid);
  ASSERT_EQ(entries.size(), 1u);
  EXPECT_EQ(entries[0].record.taints, 1u << BELFRY_TAINT_UNRECORDED);
}

TEST_F(LossTest, WithoutAnIntentTheConnectionIsUnrecordedUntilItEnds) {
  if (!InTwoSteps()) GTEST_SKIP() << "missing: backend cgroup, this is " << kernel_->BackendName();
  ASSERT_TRUE(ReopenWithout("connect_intent"));
  kit::OwnedFd client = Connect(guarded_);
  const uint32_t self = static_cast<uint32_t>(getpid());
  ASSERT_EQ(ConnectionsOf(self).size(), 1u);
  EXPECT_EQ(ConnectionsOf(self)[0].record.taints, 1u << BELFRY_TAINT_UNRECORDED);
  EXPECT_TRUE(ConnectionsOf(self)[0].alive);
  const kit::OwnedFd second = Connect(guarded_);
  EXPECT_EQ(ConnectionsOf(self).size(), 2u);
  client.Reset();
  kit::OwnedFd(accept(listener_.get(), nullptr, nullptr)).Reset();
  const auto entries = ConnectionsOf(self);
  EXPECT_EQ(std::count_if(entries.begin(), entries.end(), [](const ConnectionEntry& e) { return e.alive; }), 1);
}

TEST_F(LossTest, WithoutThePinTheSecondLookFindsItUnrecorded) {
  if (InTwoSteps()) GTEST_SKIP() << "missing: a backend with hooks, this is cgroup";
  ASSERT_TRUE(ReopenWithout(Recorder().c_str()));
  const kit::OwnedFd client = Connect(guarded_);
  const kit::OwnedFd server(accept(listener_.get(), nullptr, nullptr));
  ucred peer = {};
  socklen_t size = sizeof(peer);
  ASSERT_EQ(getsockopt(server.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size), 0);
  const auto entries = ConnectionsOf(static_cast<uint32_t>(getpid()));
  ASSERT_EQ(entries.size(), 1u);
  EXPECT_EQ(entries[0].record.taints, 1u << BELFRY_TAINT_UNRECORDED);
}

TEST(Hooks, TheBackendSaysWhyItIsNoBetter) {
  if (geteuid() != 0) GTEST_SKIP() << "missing: root";
  BpfOptions options;
  options.pin = false;
  absl::StatusOr<Opened> opened = OpenKernel(options);
  ASSERT_TRUE(opened.ok()) << opened.status();
  const std::vector<std::string> order = {"bpf_lsm", "fmod_ret", "cgroup"};
  const auto& steps = opened->kernel->StepsDown();
  ASSERT_LT(steps.size(), order.size());
  EXPECT_EQ(opened->kernel->BackendName(), order[steps.size()]);
  for (size_t i = 0; i < steps.size(); ++i) EXPECT_EQ(steps[i].rfind(order[i] + ": ", 0), 0u) << steps[i];
  EXPECT_EQ((opened->kernel->BlindTo() & 1u << BELFRY_TAINT_FOREIGN_SENDER) == 0, opened->kernel->RefusesUse());
}

}  // namespace
}  // namespace belfry::kernel
