// A guard's limit: so many connects of one uid, cgroup or image, and then EAGAIN before the listener is woken.
#include "kernel/limited.h"

#include <sys/mount.h>

#include <algorithm>
#include <numeric>
#include <thread>

#include "kernel/routes.h"
#include "kernel/show_as.h"

namespace belfry::kernel {
namespace {

TEST_F(LimitRefusal, ABurstPassesAndTheRestNeverReachesTheListener) {
  Order(BELFRY_MODE_DENY, LimitOf(BELFRY_PER_UID, 5));
  Actor client = Client({guarded_}, 8);
  EXPECT_EQ(Heard(client, 8), (Ints{0, 0, 0, 0, 0, EAGAIN, EAGAIN, EAGAIN}));
  ASSERT_TRUE(client.AwaitReach());
  const auto pid = static_cast<uint32_t>(client.pid());
  EXPECT_EQ(Queued(), 5);
  EXPECT_EQ(ConnectionsOf(pid).size(), 5u) << "who was refused is on record, or who was not is not";
  const auto told = Told();
  ASSERT_EQ(told.size(), 1u) << "in a loop once";
  EXPECT_EQ(told[0].connection.opener.tgid, pid);
  EXPECT_EQ(told[0].connection.guard, kGuard);
  EXPECT_EQ(told[0].times, 1u);
  EXPECT_EQ(told[0].refused, 1u);
  const ProgramCounters counted = Counted();
  EXPECT_EQ(counted.seen, 8u);
  EXPECT_EQ(counted.sent, 1u);
  EXPECT_EQ(counted.ignored, 7u);
  EXPECT_EQ(counted.refused, 3u);
}

// A ring tries again what says EAGAIN, and comes to an end.
TEST_F(LimitRefusal, ByARingToo) {
  if (WhyNoRings() != 0) GTEST_SKIP() << "missing: io_uring (" << strerror(-WhyNoRings()) << ")";
  Order(BELFRY_MODE_DENY, LimitOf(BELFRY_PER_UID, 1));
  EXPECT_EQ(Connects(1), (Ints{0}));
  Actor client([&](const Actor::Stage& stage) {
    const sockaddr_un address = Address(guarded_);
    for (const auto& [ring, entry] : kRings)
      stage.Say(TryByRing(socket(AF_UNIX, SOCK_STREAM, 0), reinterpret_cast<const sockaddr*>(&address), sizeof address, ring,
                          entry));
  });
  EXPECT_EQ(Heard(client, 3), (Ints{EAGAIN, EAGAIN, EAGAIN}));
  EXPECT_EQ(Queued(), 1);
}

TEST_F(LimitRefusal, UidsAreCountedApart) {
  Order(BELFRY_MODE_DENY, LimitOf(BELFRY_PER_UID, 2));
  EXPECT_EQ(Connects(3, As(kNobody)), (Ints{0, 0, EAGAIN}));
  EXPECT_EQ(Connects(3, As(kNobody - 1)), (Ints{0, 0, EAGAIN}));
  EXPECT_EQ(Connects(1, As(kNobody)), (Ints{EAGAIN})) << "another process of the same uid";
}

TEST_F(LimitRefusal, CgroupsAreCountedApart) {
  const std::string root = folder_ + "/cgroups";
  mkdir(root.c_str(), 0755);
  if (mount("none", root.c_str(), "cgroup2", 0, nullptr) != 0)
    GTEST_SKIP() << "missing: mounting cgroup2 (" << strerror(errno) << ")";
  const auto within = [&](const std::string& name) {
    const std::string group = root + "/belfry-limit-" + name;
    mkdir(group.c_str(), 0755);
    return [group] {
      const int procs = open((group + "/cgroup.procs").c_str(), O_WRONLY);
      if (write(procs, "0", 1) != 1) _exit(95);
    };
  };
  Order(BELFRY_MODE_DENY, LimitOf(BELFRY_PER_CGROUP, 1));
  EXPECT_EQ(Connects(2, within("a")), (Ints{0, EAGAIN}));
  EXPECT_EQ(Connects(2, within("b")), (Ints{0, EAGAIN}));
  EXPECT_EQ(Connects(1, within("a")), (Ints{EAGAIN}));
  for (const char* name : {"a", "b"}) rmdir((root + "/belfry-limit-" + name).c_str());
  umount2(root.c_str(), MNT_DETACH);
}

// Executed, not forked: who is older than the programs has no record of its image. What it shows is another file.
void ConnectAs(const std::string& image, const std::string& path, const std::string& shown) {
  setenv("BELFRY_LIMIT_PATH", path.c_str(), 1);
  setenv("BELFRY_LIMIT_SHOWN", shown.c_str(), 1);
  execl(image.c_str(), image.c_str(), "--gtest_also_run_disabled_tests", "--gtest_filter=LimitClient.DISABLED_Connects", nullptr);
  _exit(95);
}
TEST(LimitClient, DISABLED_Connects) {
  const char* path = getenv("BELFRY_LIMIT_PATH");
  const std::string shown = getenv("BELFRY_LIMIT_SHOWN");
  if (path == nullptr || (!shown.empty() && ShowAs(shown) != 0)) _exit(94);
  sockaddr_un address = {.sun_family = AF_UNIX};
  strncpy(address.sun_path, path, sizeof address.sun_path - 1);
  _exit(connect(socket(AF_UNIX, SOCK_STREAM, 0), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0 ? 0 : errno);
}

TEST_F(LimitRefusal, ImagesAreCountedApartWhateverTheyShow) {
  const std::string one = folder_ + "/one", other = folder_ + "/other";
  for (const std::string& image : {one, other}) std::filesystem::copy_file("/proc/self/exe", image);
  const auto run = [&](const std::string& image, const std::string& shown) {
    Actor client([&](const Actor::Stage&) { ConnectAs(image, guarded_, shown); });
    return WEXITSTATUS(client.Wait());
  };
  Order(BELFRY_MODE_DENY, LimitOf(BELFRY_PER_EXE, 1));
  EXPECT_EQ(run(one, ""), 0);
  EXPECT_EQ(run(other, ""), 0);
  EXPECT_EQ(run(one, ""), EAGAIN);
  EXPECT_EQ(run(one, "/bin/true"), EAGAIN) << "whoever shows another file begins anew";
  EXPECT_EQ(Connects(2), (Ints{0, EAGAIN})) << "older than the programs: by the file it shows";
}

TEST_F(LimitRefusal, TheListenerItselfIsNeverLimited) {
  Order(BELFRY_MODE_DENY, LimitOf(BELFRY_PER_UID, 1));
  std::vector<kit::OwnedFd> open;
  for (int i = 0; i < 5; ++i) open.push_back(Connect(guarded_));
  EXPECT_TRUE(std::all_of(open.begin(), open.end(), [](const kit::OwnedFd& fd) { return static_cast<bool>(fd); }));
  EXPECT_EQ(Connects(2), (Ints{0, EAGAIN})) << "what the listener did was charged to its uid, or its children are excepted too";
}

// Under socket activation whoever accepts did not call listen(2).
TEST_F(LimitRefusal, NorIsWhoServesByTheGuardsRule) {
  Order(BELFRY_MODE_DENY, LimitOf(BELFRY_PER_UID, 1));
  EXPECT_EQ(Connects(1), (Ints{0}));
  Actor server([&](const Actor::Stage& stage) {
    for (int i = 0; i < 3; ++i) {
      stage.Reach();
      stage.Say(ConnectFd(socket(AF_UNIX, SOCK_STREAM, 0), guarded_));
    }
  });
  const auto enrol = [&](uint32_t guard, uint64_t later) {
    belfry_pin pin = kernel_->Live(static_cast<uint32_t>(server.pid()))->pin;
    pin.start_ns += later;
    const GuardServer one{.guard = guard, .server = pin};
    ASSERT_TRUE(kernel_->SetServers({&one, 1}).ok());
  };
  ASSERT_TRUE(server.AwaitReach());
  enrol(kGuard, 0);
  server.Continue();
  EXPECT_EQ(server.Hear(), 0);
  ASSERT_TRUE(server.AwaitReach());
  enrol(kGuard, 1);
  server.Continue();
  EXPECT_EQ(server.Hear(), EAGAIN) << "another process of the same number";
  ASSERT_TRUE(server.AwaitReach());
  enrol(kOtherGuard, 0);
  server.Continue();
  EXPECT_EQ(server.Hear(), EAGAIN) << "it serves another guard";
}

TEST_F(LimitTest, WhoObservesOrWarnsOnlyTells) {
  for (const uint32_t mode : {BELFRY_MODE_OBSERVE, BELFRY_MODE_WARN}) {
    Order(mode, LimitOf(BELFRY_PER_UID, 2 + mode));  // each its own buckets
    const ProgramCounters before = Counted();
    Actor client = Client({guarded_}, 5);
    EXPECT_EQ(Heard(client, 5), (Ints{0, 0, 0, 0, 0}));
    ASSERT_TRUE(client.AwaitReach());
    EXPECT_EQ(ConnectionsOf(static_cast<uint32_t>(client.pid())).size(), 5u);
    const auto told = Told();
    ASSERT_EQ(told.size(), 1u);
    EXPECT_EQ(told[0].refused, 0u);
    EXPECT_EQ(told[0].connection.opener.tgid, static_cast<uint32_t>(client.pid()));
    EXPECT_EQ(Counted().seen - before.seen, 5u);
    EXPECT_EQ(Counted().refused, 0u);
  }
}

TEST_F(LimitTest, WithoutALimitNobodyIsCounted) {
  Give({OrdersOf(kGuard, BELFRY_MODE_DENY, {})});
  EXPECT_EQ(Connects(3), (Ints{0, 0, 0}));
  EXPECT_EQ(Counted().seen, 0u);
}

TEST_F(LimitRefusal, GuardsAreCountedApartAndSocketsOfOneTogether) {
  const std::string second = folder_ + "/second.sock", other = folder_ + "/other.sock";
  const kit::OwnedFd at_second = Listen(second), at_other = Listen(other);
  Guard({{kGuard, guarded_}, {kGuard, second}, {kOtherGuard, other}});
  const belfry_limit limit = LimitOf(BELFRY_PER_UID, 2);
  Give({OrdersOf(kGuard, BELFRY_MODE_DENY, limit), OrdersOf(kOtherGuard, BELFRY_MODE_DENY, limit)});
  Actor client = Client({guarded_, second, other}, 2);
  EXPECT_EQ(Heard(client, 6), (Ints{0, 0, 0, EAGAIN, EAGAIN, 0}));
}

// Two listening sockets: connects to one wait for each other.
TEST_F(LimitRefusal, HoweverManyComeAtOnceNoMoreThanTheBurstPass) {
  const std::string second = folder_ + "/second.sock";
  const kit::OwnedFd at_second = Listen(second);
  Guard({{kGuard, guarded_}, {kGuard, second}});
  Order(BELFRY_MODE_DENY, LimitOf(BELFRY_PER_UID, 20));
  Actor clients([&](const Actor::Stage& stage) {
    std::vector<std::thread> threads;
    std::vector<int> passed(4);
    for (size_t i = 0; i < passed.size(); ++i)
      threads.emplace_back([&, i] {
        for (int n = 0; n < 100; ++n)
          passed[i] += ConnectFd(socket(AF_UNIX, SOCK_STREAM, 0), i % 2 == 0 ? guarded_ : second) == 0;
      });
    for (std::thread& thread : threads) thread.join();
    stage.Say(std::accumulate(passed.begin(), passed.end(), 0));
  });
  const int passed = clients.Hear();
  EXPECT_GE(passed, 20);
  EXPECT_LE(passed, 21);
}

}  // namespace
}  // namespace belfry::kernel
