// Who exists and what it runs: records of exec, fork and exit on the running kernel.
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include <fstream>
#include <thread>

#include "kernel/live_kernel.h"

namespace belfry::kernel {
namespace {

using std::string;

class ProcessTest : public LiveKernel {
 protected:
  // Runs the program to its end and returns what the exec event told.
  belfry_event_exec Run(const std::vector<string>& argv, const std::vector<string>& environment,
                        const std::function<void()>& before = [] {}) {
    Drain<belfry_event_exec>(BELFRY_KIND_EXEC);
    Actor actor([&](const Actor::Stage&) {
      before();
      std::vector<char*> args, env;
      for (const string& arg : argv) args.push_back(const_cast<char*>(arg.c_str()));
      for (const string& variable : environment) env.push_back(const_cast<char*>(variable.c_str()));
      args.push_back(nullptr);
      env.push_back(nullptr);
      execve(args[0], args.data(), env.data());
    });
    const uint32_t pid = static_cast<uint32_t>(actor.pid());
    EXPECT_EQ(actor.Wait(), 0);
    for (const belfry_event_exec& event : Drain<belfry_event_exec>(BELFRY_KIND_EXEC)) {
      if (event.process.pin.tgid == pid) return event;
    }
    ADD_FAILURE() << "no exec event of " << pid;
    return {};
  }
  uint32_t Flags(const std::vector<string>& environment) { return Run({"/bin/true"}, environment).process.image_flags; }
  string CopyOfTrue(const string& name) {
    const string path = folder_ + "/" + name;
    std::filesystem::copy_file("/bin/true", path);
    chmod(path.c_str(), 0755);
    return path;
  }
};

TEST_F(ProcessTest, ExecNamesTheVeryFile) {
  const string program = CopyOfTrue("program");
  const belfry_event_exec event = Run({program, "one", "two"}, {"A=b"});
  struct stat file = {};
  ASSERT_EQ(stat(program.c_str(), &file), 0);
  EXPECT_EQ(event.process.image.ino, file.st_ino);
  EXPECT_EQ(event.process.image.size, static_cast<uint64_t>(file.st_size));
  EXPECT_EQ(event.process.image.ctime_ns,
            static_cast<uint64_t>(file.st_ctim.tv_sec) * 1000000000 + static_cast<uint64_t>(file.st_ctim.tv_nsec));
  EXPECT_EQ(event.process.image.dev, Dev());
  EXPECT_STREQ(event.process.filename, program.c_str());
  EXPECT_STREQ(event.process.comm, "program");
  EXPECT_EQ(event.process.image_flags, 0u);
  EXPECT_EQ(event.process.place, 0u);
  EXPECT_EQ(event.process.parent_tgid, static_cast<uint32_t>(getpid()));
  EXPECT_EQ(event.process.exec_ns <= event.header.time_ns, true);
  EXPECT_EQ(string(event.argv, event.argv_bytes), program + string("\0one\0two\0", 9));
  EXPECT_EQ(event.argv_cut, 0u);
}

TEST_F(ProcessTest, LongArgumentsAreCut) {
  const belfry_event_exec event = Run({"/bin/true", string(600, 'a')}, {});
  EXPECT_EQ(event.argv_bytes, static_cast<uint32_t>(BELFRY_ARGV_BYTES));
  EXPECT_EQ(event.argv_cut, 1u);
}

TEST_F(ProcessTest, LoaderVariablesAreSeen) {
  EXPECT_EQ(Flags({"LD_PRELOAD=/nonexistent.so"}) & BELFRY_IMAGE_PRELOAD, BELFRY_IMAGE_PRELOAD);
  EXPECT_EQ(Flags({"A=1", "LD_AUDIT=/nonexistent.so"}) & BELFRY_IMAGE_PRELOAD, BELFRY_IMAGE_PRELOAD);
  EXPECT_EQ(Flags({"A=1", "LD_LIBRARY_PATH=/tmp"}) & BELFRY_IMAGE_PRELOAD, BELFRY_IMAGE_PRELOAD);
  EXPECT_EQ(Flags({"A=1", "GLIBC_TUNABLES=glibc.malloc.check=0"}) & BELFRY_IMAGE_PRELOAD, BELFRY_IMAGE_PRELOAD);
}

TEST_F(ProcessTest, HarmlessVariablesAreNot) {
  EXPECT_EQ(Flags({}), 0u);
  EXPECT_EQ(Flags({"LD_PRELOAD=", "LD_PRELOADED=x", "LD_BIND_NOW=1", "XLD_PRELOAD=/a", "GLIBC=1", "L=1", "LD_", ""}), 0u);
}

TEST_F(ProcessTest, AnEnvironmentNotScannedToItsEndIsUnproven) {
  EXPECT_EQ(Flags({"A=" + string(5000, 'a')}), BELFRY_IMAGE_ENV_UNPROVEN);
  EXPECT_EQ(Flags(std::vector<string>(600, "A=1")), BELFRY_IMAGE_ENV_UNPROVEN);
  EXPECT_EQ(Flags(std::vector<string>(30, "A=" + string(3000, 'a'))), BELFRY_IMAGE_ENV_UNPROVEN);
  EXPECT_EQ(Flags(std::vector<string>(500, "A=1")), 0u);
}

TEST_F(ProcessTest, AScriptIsItsInterpreter) {
  const string script = folder_ + "/script";
  std::ofstream(script) << "#!/bin/sh\nexit 0\n";
  chmod(script.c_str(), 0755);
  const belfry_event_exec event = Run({script}, {});
  struct stat shell = {};
  ASSERT_EQ(stat("/bin/sh", &shell), 0);
  EXPECT_EQ(event.process.image_flags, BELFRY_IMAGE_INTERPRETED);
  EXPECT_EQ(event.process.image.ino, shell.st_ino);
  EXPECT_STREQ(event.process.filename, script.c_str());
}

TEST_F(ProcessTest, SetUidIsSeen) {
  const string program = CopyOfTrue("setuid");
  chmod(program.c_str(), 04755);
  const belfry_event_exec event = Run({program}, {}, [] {
    if (setuid(65534) != 0) _exit(1);
  });
  EXPECT_EQ(event.process.image_flags, BELFRY_IMAGE_SETID);
  EXPECT_EQ(event.process.creds.uid, 65534u);
  EXPECT_EQ(event.process.creds.euid, 0u);
}

TEST_F(ProcessTest, AMemfdAndAnUnlinkedFileAreSeen) {
  kit::OwnedFd memory(memfd_create("program", 0));
  {
    std::ifstream in("/bin/true", std::ios::binary);
    const string bytes((std::istreambuf_iterator<char>(in)), {});
    ASSERT_EQ(write(memory.get(), bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
  }
  EXPECT_EQ(Run({"/proc/self/fd/" + std::to_string(memory.get())}, {}).process.image_flags, BELFRY_IMAGE_MEMFD);
  const string program = CopyOfTrue("unlinked");
  kit::OwnedFd file(open(program.c_str(), O_RDONLY));
  unlink(program.c_str());
  EXPECT_EQ(Run({"/proc/self/fd/" + std::to_string(file.get())}, {}).process.image_flags, BELFRY_IMAGE_UNLINKED);
}

TEST_F(ProcessTest, ForkInheritsTheImageAndExitDropsIt) {
  const string shell = folder_ + "/shell";
  std::filesystem::copy_file("/bin/sh", shell);
  int to_child[2], to_test[2];
  ASSERT_EQ(pipe(to_child), 0);
  ASSERT_EQ(pipe(to_test), 0);
  Actor actor([&](const Actor::Stage&) {
    dup2(to_child[0], 0);
    dup2(to_test[1], 1);
    for (int fd : {to_child[0], to_child[1], to_test[0], to_test[1]}) close(fd);
    // The subshell tells that it lives, then waits.
    execl(shell.c_str(), "shell", "-c", "(echo; read line; exit 0); exit 0", nullptr);
  });
  close(to_child[0]);
  close(to_test[1]);
  char c;
  ASSERT_EQ(read(to_test[0], &c, 1), 1);
  belfry_process child = {};
  for (const belfry_event_fork& event : Drain<belfry_event_fork>(BELFRY_KIND_FORK)) {
    if (event.child.parent_tgid == static_cast<uint32_t>(actor.pid())) child = event.child;
  }
  const std::optional<belfry_process> parent = kernel_->Process(static_cast<uint32_t>(actor.pid()));
  ASSERT_TRUE(parent);
  ASSERT_NE(child.pin.tgid, 0u);
  EXPECT_EQ(std::memcmp(&child.image, &parent->image, sizeof(child.image)), 0);
  EXPECT_STREQ(child.filename, shell.c_str());
  EXPECT_EQ(child.exec_ns, parent->exec_ns);
  EXPECT_EQ(child.pin.exec_id, parent->pin.exec_id);
  EXPECT_GT(child.pin.start_ns, parent->pin.start_ns);
  EXPECT_EQ(child.parent_start_ns, parent->pin.start_ns);
  ASSERT_EQ(write(to_child[1], "\n", 1), 1);
  const uint32_t pid = static_cast<uint32_t>(actor.pid());
  EXPECT_EQ(actor.Wait(), 0);
  close(to_child[1]);
  close(to_test[0]);
  EXPECT_FALSE(kernel_->Process(pid));
  EXPECT_FALSE(kernel_->Process(child.pin.tgid));
  std::vector<uint32_t> exited;
  for (const belfry_event_exit& event : Drain<belfry_event_exit>(BELFRY_KIND_EXIT)) exited.push_back(event.pin.tgid);
  EXPECT_EQ(std::count(exited.begin(), exited.end(), pid), 1);
  EXPECT_EQ(std::count(exited.begin(), exited.end(), child.pin.tgid), 1);
}

TEST_F(ProcessTest, ExecByAThreadIsTheProcess) {
  const string program = CopyOfTrue("program");
  Drain<belfry_event_exec>(BELFRY_KIND_EXEC);
  Actor actor([&](const Actor::Stage&) {
    std::thread([&] { execl(program.c_str(), "program", nullptr); }).join();
  });
  const uint32_t pid = static_cast<uint32_t>(actor.pid());
  EXPECT_EQ(actor.Wait(), 0);
  auto events = Drain<belfry_event_exec>(BELFRY_KIND_EXEC);
  std::erase_if(events, [pid](const belfry_event_exec& event) { return event.process.pin.tgid != pid; });
  ASSERT_EQ(events.size(), 1u);
  EXPECT_STREQ(events[0].process.filename, program.c_str());
}

TEST_F(ProcessTest, ThreadsChangeNothing) {
  Actor actor([&](const Actor::Stage& stage) {
    stage.Reach();
    for (int i = 0; i < 8; ++i) std::thread([] {}).join();
    stage.Reach();
  });
  ASSERT_TRUE(actor.AwaitReach());
  const uint32_t pid = static_cast<uint32_t>(actor.pid());
  const std::optional<belfry_process> before = kernel_->Process(pid);
  ASSERT_TRUE(before);
  actor.Continue();
  ASSERT_TRUE(actor.AwaitReach());
  const std::optional<belfry_process> after = kernel_->Process(pid);
  ASSERT_TRUE(after);
  EXPECT_EQ(std::memcmp(&*before, &*after, sizeof(*before)), 0);
}

TEST_F(ProcessTest, OlderProcessesAreBackfilled) {
  const std::optional<belfry_process> self = kernel_->Process(static_cast<uint32_t>(getpid()));
  const absl::StatusOr<belfry_live> live = kernel_->Live(static_cast<uint32_t>(getpid()));
  ASSERT_TRUE(self && live.ok()) << live.status();
  EXPECT_EQ(self->image_flags, BELFRY_IMAGE_BACKFILLED);
  EXPECT_EQ(self->image.ino, 0u);
  EXPECT_EQ(self->pin.start_ns, live->pin.start_ns);
  EXPECT_EQ(self->pin.exec_id, live->pin.exec_id);
  // A child inherits that nothing is known.
  Actor actor([](const Actor::Stage& stage) { stage.Reach(); });
  ASSERT_TRUE(actor.AwaitReach());
  const std::optional<belfry_process> child = kernel_->Process(static_cast<uint32_t>(actor.pid()));
  ASSERT_TRUE(child);
  EXPECT_EQ(child->image_flags, BELFRY_IMAGE_BACKFILLED);
}

TEST_F(ProcessTest, EveryProcessThatLivesHasARecord) {
  const absl::StatusOr<std::vector<belfry_live>> all = kernel_->AllLive();
  ASSERT_TRUE(all.ok()) << all.status();
  for (const belfry_live& live : *all) {
    if (live.threads == 0 || !kernel_->Live(live.pin.tgid).ok()) continue;
    EXPECT_TRUE(kernel_->Process(live.pin.tgid) || !kernel_->Live(live.pin.tgid).ok()) << live.pin.tgid << " " << live.comm;
  }
}

TEST_F(ProcessTest, EveryEventIsAccountedFor) {
  for (int i = 0; i < 50; ++i) Actor([](const Actor::Stage&) { execl("/bin/true", "true", nullptr); }).Wait();
  for (const char* name : {"process_exec", "process_fork", "process_exit"}) {
    const ProgramCounters c = CountersOf(name);
    EXPECT_GE(c.seen, 50u) << name;
    EXPECT_EQ(c.seen, c.sent + c.ignored + c.lost_ring + c.lost_map) << name;
    EXPECT_TRUE(c.attached) << name;
  }
}

TEST_F(ProcessTest, OnlyWhoIsAwaitedWakesTheReader) {
  const auto readable = [&] {
    pollfd ring = {.fd = kernel_->RingFd(), .events = POLLIN};
    return poll(&ring, 1, 0) == 1;
  };
  const auto drain = [&] { Drain<belfry_event_exit>(BELFRY_KIND_EXIT); };
  drain();
  Actor opener([&](const Actor::Stage& stage) {
    if (ConnectFd(socket(AF_UNIX, SOCK_STREAM, 0), guarded_) != 0) _exit(1);
    stage.Reach();
  });
  ASSERT_TRUE(opener.AwaitReach());
  EXPECT_TRUE(readable());  // the listener and the connection
  drain();
  opener.Continue();
  opener.Wait();
  EXPECT_TRUE(readable());  // its exit
  EXPECT_GE(Drain<belfry_event_exit>(BELFRY_KIND_EXIT).size(), 1u);
}

TEST_F(ProcessTest, PlacesAreJudgedAgainstTheReference) {
  const auto place_after = [&](const std::function<void()>& move) {
    Actor actor([&](const Actor::Stage& stage) {
      move();
      stage.Reach();
    });
    EXPECT_TRUE(actor.AwaitReach());
    const absl::StatusOr<belfry_live> live = kernel_->Live(static_cast<uint32_t>(actor.pid()));
    return live.ok() ? live->place : BELFRY_PLACE_UNKNOWN;
  };
  EXPECT_EQ(place_after([] {}), 0u);
  EXPECT_EQ(place_after([] { (void)!unshare(CLONE_NEWNS); }), BELFRY_PLACE_MNTNS_FOREIGN);
  EXPECT_EQ(place_after([&] { (void)!chroot(folder_.c_str()); }), BELFRY_PLACE_ROOT_FOREIGN);
  EXPECT_EQ(place_after([] { (void)!unshare(CLONE_NEWUSER); }), BELFRY_PLACE_USERNS);
  EXPECT_EQ(place_after([] { (void)!unshare(CLONE_NEWUSER | CLONE_NEWNS); }),
            BELFRY_PLACE_MNTNS_FOREIGN | BELFRY_PLACE_MNTNS_UNPRIV | BELFRY_PLACE_USERNS);
  EXPECT_EQ(place_after([&] {
              (void)!unshare(CLONE_NEWNS);
              (void)!chroot(folder_.c_str());
            }),
            BELFRY_PLACE_MNTNS_FOREIGN | BELFRY_PLACE_ROOT_FOREIGN);
}

// /proc/PID/root/... of a user namespace reads like a path of ours and is what its owner mounted there.
TEST_F(ProcessTest, AnExecThroughAForeignMountIsTold) {
  const string program = CopyOfTrue("program");
  Actor owner([&](const Actor::Stage& stage) {
    (void)!unshare(CLONE_NEWUSER | CLONE_NEWNS);
    stage.Reach();
  });
  ASSERT_TRUE(owner.AwaitReach());
  const auto live = kernel_->Live(static_cast<uint32_t>(owner.pid()));
  if (!live.ok() || !(live->place & BELFRY_PLACE_MNTNS_UNPRIV)) GTEST_SKIP() << "missing: user namespaces";
  const string through = "/proc/" + std::to_string(owner.pid()) + "/root" + program;
  EXPECT_EQ(Run({through}, {}).process.place, BELFRY_PLACE_MNTNS_FOREIGN | BELFRY_PLACE_MNTNS_UNPRIV);
  const int fd = open(through.c_str(), O_PATH | O_CLOEXEC);
  const auto described = kernel_->Describe(fd);
  close(fd);
  ASSERT_TRUE(described.ok()) << described.status();
  EXPECT_EQ(described->place, BELFRY_PLACE_MNTNS_FOREIGN | BELFRY_PLACE_MNTNS_UNPRIV);
  EXPECT_EQ(Run({program}, {}).process.place, 0u);
}

TEST_F(ProcessTest, AnExecThroughADetachedMountIsTold) {
  const string program = CopyOfTrue("program");
  const belfry_event_exec event = Run({"/proc/self/fd/77"}, {}, [&] {
    constexpr unsigned kOpenTreeClone = 1;
    dup2(static_cast<int>(syscall(SYS_open_tree, AT_FDCWD, program.c_str(), kOpenTreeClone)), 77);
  });
  EXPECT_NE(event.process.place & BELFRY_PLACE_MNTNS_FOREIGN, 0u);
}

}  // namespace
}  // namespace belfry::kernel
