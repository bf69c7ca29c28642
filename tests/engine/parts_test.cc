// The small parts: the loop, modes, numbers of guards, names of sockets, listeners.
#include <gmock/gmock.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <csignal>

#include <thread>

#include "engine/json_file.h"
#include "engine/scene.h"
#include "engine/socket_names.h"
#include "kit/clock.h"

namespace belfry::engine {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(Loop, RunsTimersInOrderAndCancelsThem) {
  auto loop = *Loop::Make();
  std::vector<int> order;
  loop->After(std::chrono::milliseconds(2), [&] { order.push_back(2); });
  const auto cancelled = loop->After(std::chrono::milliseconds(1), [&] { order.push_back(9); });
  loop->After(std::chrono::milliseconds(1), [&] { order.push_back(1); });
  loop->After(std::chrono::milliseconds(3), [&] { loop->Stop(); });
  loop->Cancel(cancelled);
  loop->Run();
  EXPECT_THAT(order, ElementsAre(1, 2));
}

TEST(Loop, TakesTasksOfOtherThreadsUntilItHasStopped) {
  auto loop = *Loop::Make();
  int ran = 0;
  std::thread other([&] {
    for (int i = 0; i < 1000; ++i) loop->Post([&] { ++ran; });
    loop->Stop();
  });
  loop->Run();
  other.join();
  EXPECT_EQ(ran, 1000);
  EXPECT_FALSE(loop->Post([] {}));
}

TEST(Loop, ACallbackMayRemoveItself) {
  auto loop = *Loop::Make();
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  int calls = 0;
  ASSERT_TRUE(loop->Watch(ends[0], 1, [&](uint32_t) {
                    ++calls;
                    loop->Unwatch(ends[0]);
                  }).ok());
  ASSERT_EQ(write(ends[1], "x", 1), 1);
  loop->Turn(std::chrono::milliseconds(1000));
  loop->Turn(std::chrono::milliseconds(0));
  EXPECT_EQ(calls, 1);
  close(ends[0]);
  close(ends[1]);
}

using PartsTest = Scene;

TEST_F(PartsTest, AModeThatIsSetIsWrittenAndTold) {
  Begin("mode: deny");
  std::vector<v1::Mode> told;
  engine_->questions().WatchMode(
      {.tgid = kPlugin}, {},
      [&](const v1::ModeReply& reply) {
        told.push_back(reply.mode());
        return true;
      },
      [] { return false; }, [](const absl::Status&) {});
  Until([&] { return told.size() == 1; });
  ASSERT_TRUE(SetMode("g", "observe").ok());
  EXPECT_THAT(told, ElementsAre(v1::MODE_DENY, v1::MODE_OBSERVE));
  EXPECT_EQ((*ReadModes(dir_ + "/modes.json")).at("g"), verdict::Mode::kObserve);
  EXPECT_EQ((*ReadModes(dir_ + "/mode.override.json")).at("g"), verdict::Mode::kObserve);
  EXPECT_TRUE(absl::IsNotFound(SetMode("h", "observe").status()));
  EXPECT_TRUE(absl::IsInvalidArgument(SetMode("g", "of").status()));
}

TEST_F(PartsTest, ARunDirectoryOthersMayWriteToIsRefused) {
  Begin();
  ASSERT_EQ(chmod(dir_.c_str(), 0777), 0);
  Config config;
  config.run_dir = dir_;
  const auto engine = Engine::Make({.config = config, .kernel = std::make_unique<support::FakeKernel>()}, log_);
  EXPECT_EQ(engine.status().code(), absl::StatusCode::kFailedPrecondition) << engine.status();
}

TEST_F(PartsTest, TheOperatorsOverrideHoldsAtStart) {
  ASSERT_TRUE(WriteModes(dir_ + "/mode.override.json", {{"g", verdict::Mode::kWarn}}).ok());
  Begin("mode: deny");
  EXPECT_EQ(engine_->guards().ByName("g")->mode, verdict::Mode::kWarn);
}

TEST_F(PartsTest, ABrokenOverrideDoesNotHold) {
  ASSERT_TRUE(WriteGuardTexts(dir_ + "/mode.override.json", {{"g", "off"}}).ok());
  Begin("mode: deny");
  EXPECT_EQ(engine_->guards().ByName("g")->mode, verdict::Mode::kDeny);
}

TEST_F(PartsTest, TheDisarmFileMakesEveryoneObserve) {
  ASSERT_TRUE(WriteGuardTexts(dir_ + "/disarm", {}).ok());
  Begin("mode: deny");
  EXPECT_EQ(engine_->guards().ByName("g")->mode, verdict::Mode::kObserve);
  EXPECT_TRUE(absl::IsFailedPrecondition(SetMode("g", "deny").status()));
}

TEST_F(PartsTest, ARequiredTaintThatIsNotSeenRefusesTheStart) {
  auto config = ParseConfig("t.yaml", "version: 1\nguards: [{name: g, unix: /a, require: [foreign_sender]}]\n", {});
  ASSERT_TRUE(config.ok());
  auto kernel = std::make_unique<support::FakeKernel>();
  kernel->blind_to = 1u << BELFRY_TAINT_FOREIGN_SENDER;
  const auto engine = Engine::Make({.config = *config, .kernel = std::move(kernel)}, log_);
  ASSERT_TRUE(absl::IsFailedPrecondition(engine.status()));
  EXPECT_THAT(std::string(engine.status().message()), HasSubstr("foreign_sender"));
}

TEST(GuardNumbers, ANameKeepsItsNumber) {
  char name[] = "/tmp/belfry-numbers-XXXXXX";
  const std::string dir = mkdtemp(name), file = dir + "/guards.json";
  {
    GuardNumbers numbers(file);
    EXPECT_TRUE(absl::IsNotFound(numbers.Load()));
    EXPECT_EQ((*numbers.Assign({"a", "b"})).at("b"), 1u);
  }
  GuardNumbers numbers(file);
  ASSERT_TRUE(numbers.Load().ok());
  const auto again = *numbers.Assign({"c", "b"});
  EXPECT_EQ(again.at("b"), 1u);
  EXPECT_EQ(again.at("c"), 2u);  // a's number is not reused: records may bear it
  std::filesystem::remove_all(dir);
}

class NamesTest : public Scene {
 protected:
  std::string Note(const std::string& path) { return ResolvePath(fake_, path).note; }
  support::FakeKernel fake_;
};

TEST_F(NamesTest, WhatStandsInTheWayIsSaid) {
  EXPECT_THAT(Note(dir_ + "/none"), HasSubstr("waiting"));
  EXPECT_THAT(Note(dir_), HasSubstr("is a directory"));
  ASSERT_EQ(symlink("nowhere", (dir_ + "/dangling").c_str()), 0);
  EXPECT_THAT(Note(dir_ + "/dangling"), HasSubstr("dangling symbolic link"));
  ASSERT_TRUE(WriteGuardTexts(dir_ + "/file", {}).ok());
  EXPECT_THAT(Note(dir_ + "/file"), HasSubstr("a regular file"));
  EXPECT_FALSE(Note(dir_ + "/file/below").empty());
}

// Not read as text, which would name a socket of ours.
TEST_F(NamesTest, ALinkIntoAnotherRootIsNoNameOfOurs) {
  if (geteuid() != 0) GTEST_SKIP() << "missing: root";
  const std::string there = dir_ + "/there", link = dir_ + "/link";
  std::filesystem::create_directory(there);
  int ready[2];
  ASSERT_EQ(pipe2(ready, O_CLOEXEC), 0);
  const pid_t other = fork();
  if (other == 0) {
    const bool made = unshare(CLONE_NEWNS) == 0 && mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
                      mount("tmpfs", there.c_str(), "tmpfs", 0, nullptr) == 0 && mknod((there + "/x.sock").c_str(), S_IFSOCK | 0777, 0) == 0;
    if (write(ready[1], made ? "y" : "n", 1) == 1) pause();
    _exit(1);
  }
  char made = 0;
  EXPECT_EQ(read(ready[0], &made, 1), 1);
  EXPECT_EQ(made, 'y');
  ASSERT_EQ(symlink(("/proc/" + std::to_string(other) + "/root" + there + "/x.sock").c_str(), link.c_str()), 0);
  const PathNames found = ResolvePath(fake_, link);
  EXPECT_THAT(found.note, HasSubstr("its mount is not one of ours"));
  EXPECT_EQ(found.names.size(), 1u) << "the link's own";
  kill(other, SIGKILL);
  waitpid(other, nullptr, 0);
  close(ready[0]);
  close(ready[1]);
}

// Until somebody serves: an old file's name may be bound twice.
TEST_F(NamesTest, ThatASocketHasNoConnectionsIsSaid) {
  const std::string path = dir_ + "/d.sock";
  const kit::OwnedFd datagrams(socket(AF_UNIX, SOCK_DGRAM, 0));
  sockaddr_un address{.sun_family = AF_UNIX};
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  ASSERT_EQ(bind(datagrams.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  Guard guard{.number = 1};
  guard.config.sockets = {{.role = "unix", .path = path, .endpoint = {}}};
  Guards guards;
  guards.Replace({guard});
  ResolveNames(fake_, guards);
  EXPECT_THAT(guards.ByNumber(1)->notes, ElementsAre(path + " is a datagram socket: who uses it is not seen, only connects to stream sockets are"));
  guards.ByNumber(1)->listeners.push_back({});
  ResolveNames(fake_, guards);
  EXPECT_THAT(guards.ByNumber(1)->notes, ElementsAre(""));
}

TEST_F(NamesTest, AnAbstractNameIsOfOurNetworkNamespace) {
  const std::string name = "@belfry-test-" + std::to_string(getpid());
  Guard guard{.number = 1};
  guard.config.sockets = {{.role = "unix", .path = name, .endpoint = {}}};
  Guards guards;
  guards.Replace({guard});
  const auto names = ResolveNames(fake_, guards);
  struct stat netns {};
  ASSERT_EQ(stat("/proc/self/ns/net", &netns), 0);
  ASSERT_EQ(names.size(), 1u);
  EXPECT_EQ(names[0].path, name);
  EXPECT_EQ(names[0].dev, netns.st_ino);
  EXPECT_THAT(guards.ByNumber(1)->notes, ElementsAre("waiting: nobody has bound " + name + " yet; it is guarded when somebody does"));
  const kit::OwnedFd listener(socket(AF_UNIX, SOCK_STREAM, 0));
  sockaddr_un address{.sun_family = AF_UNIX};
  name.copy(address.sun_path, name.size());
  address.sun_path[0] = 0;
  ASSERT_EQ(bind(listener.get(), reinterpret_cast<sockaddr*>(&address), static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size())), 0);
  ResolveNames(fake_, guards);
  EXPECT_THAT(guards.ByNumber(1)->notes, ElementsAre(""));
}

TEST_F(NamesTest, ASocketIsGuardedUnderItsNameAndALinksTarget) {
  const kit::OwnedFd listener(socket(AF_UNIX, SOCK_STREAM, 0));
  sockaddr_un address{.sun_family = AF_UNIX};
  const std::string path = dir_ + "/real.sock";
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  ASSERT_EQ(bind(listener.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  EXPECT_EQ(Note(path), "");
  ASSERT_EQ(symlink(path.c_str(), (dir_ + "/link.sock").c_str()), 0);
  const PathNames names = ResolvePath(fake_, dir_ + "/link.sock");
  EXPECT_EQ(names.note, "");
  ASSERT_EQ(names.names.size(), 2u);
  EXPECT_TRUE(names.names[0].path.ends_with("/link.sock")) << names.names[0].path;
  EXPECT_TRUE(names.names[1].path.ends_with("/real.sock")) << names.names[1].path;
  EXPECT_NE(names.names[1].dev, 0u);
}

class ListenersTest : public Scene {
 protected:
  void Scan() {
    bool done = false;
    engine_->listeners().Scan([&] { done = true; });
    Until([&] { return done; });
  }
};

TEST_F(ListenersTest, AStrangerIsAnAlarmAndIsNeverEnrolled) {
  Begin("mode: deny, listener: {uid: 5}");
  const Guard* guard = engine_->guards().ByName("g");
  EXPECT_TRUE(guard->listeners.empty());
  EXPECT_THAT(guard->impostor, HasSubstr("has uid 0, not 5"));
  kernel_->live[kAgent].creds.euid = 5;
  kernel_->live[kAgent].pin.exec_id = 2;
  kernel_->processes[kAgent].pin.exec_id = 2;
  Scan();
  EXPECT_EQ(engine_->guards().ByName("g")->listeners.size(), 1u);
}

// Between fork and exec of a service that is started by its socket.
TEST_F(ListenersTest, SystemdOnItsWayToTheServiceIsNoStranger) {
  Begin("mode: deny, listener: {exe: /usr/sbin/dockerd, activated_by: systemd}");
  AddProcess(1, 0, support::File(200));
  AddProcess(55, 1, support::File(200));
  const uint64_t now = kit::BootNs();
  kernel_->live[55].pin.start_ns = kernel_->processes[55].pin.start_ns = now;
  kernel_->sockets[0].holder_tgid = 55;
  kernel_->sockets[0].holder_start_ns = now;
  const auto impostor = [this] { return engine_->guards().ByName("g")->impostor; };
  Scan();
  EXPECT_EQ(impostor(), "");
  EXPECT_TRUE(engine_->guards().ByName("g")->listeners.empty());
  EXPECT_TRUE(engine_->listeners().SomebodyStarts());
  ++kernel_->live[55].pin.exec_id;  // another process that runs systemd: a user's manager
  ++kernel_->processes[55].pin.exec_id;
  Scan();
  EXPECT_THAT(impostor(), HasSubstr("not /usr/sbin/dockerd"));
  EXPECT_FALSE(engine_->listeners().SomebodyStarts());
}

TEST(IsStarting, OnlyWhatInitForkedAndItsExecutor) {
  belfry_live init = {}, holder = {};
  init.pin = {.start_ns = 1, .exec_id = 3, .tgid = 1, .pad = 0};
  init.exe = holder.exe = support::File(200);
  holder.pin = {.start_ns = 9, .exec_id = 3, .tgid = 9, .pad = 0};
  holder.parent_tgid = 1;
  uint64_t now = 9;
  const auto starting = [&](const char* path) { return Listeners::IsStarting(holder, init, path, now); };
  EXPECT_TRUE(starting("/usr/lib/systemd/systemd"));
  now += 61 * kit::kSecondNs;  // a user's manager, and init has executed itself anew
  EXPECT_FALSE(starting("/usr/lib/systemd/systemd"));
  now = 9;
  holder.pin.exec_id = 4;
  EXPECT_FALSE(starting("/usr/lib/systemd/systemd"));
  EXPECT_TRUE(starting("/usr/lib/systemd/systemd-executor"));
  holder.pin.exec_id = 5;  // a user's manager has executed more before it came to that
  EXPECT_FALSE(starting("/usr/lib/systemd/systemd-executor"));
  holder.pin.exec_id = 3;
  holder.parent_tgid = 7;
  EXPECT_FALSE(starting("/usr/lib/systemd/systemd"));
}

TEST_F(ListenersTest, AChildsCopyIsNoListener) {
  Begin();
  AddProcess(55, kAgent, support::File(100));
  belfry_socket copy = kernel_->sockets[0];
  copy.holder_tgid = copy.holder_start_ns = 55;
  kernel_->sockets.push_back(copy);
  Scan();
  EXPECT_EQ(engine_->guards().ByName("g")->listeners.size(), 1u);
}

TEST_F(ListenersTest, WhoNoLongerHoldsTheSocketIsLetGo) {
  Begin();
  kernel_->sockets.clear();
  Scan();
  EXPECT_TRUE(engine_->guards().ByName("g")->listeners.empty());
}

}  // namespace
}  // namespace belfry::engine
