// Who touches an image from outside: attach, traceme, /proc/PID/mem, process_vm_writev; from one exec to the next, forks
// included. Needs a backend with hooks: on a machine without one these are skips, in the virtual machines they run.
#include <sys/ptrace.h>
#include <sys/uio.h>

#include <functional>

#include "kernel/live_kernel.h"

namespace belfry::kernel {
namespace {

constexpr uint32_t kGuard = 7;
constexpr uint32_t kMarks = BELFRY_IMAGE_TRACED | BELFRY_IMAGE_MEMORY_WRITTEN;
int target = 0;  // written to by others

class TamperTest : public LiveKernel {
 protected:
  void SetUp() override {
    LiveKernel::SetUp();
    if (HasFatalFailure() || IsSkipped()) return;
    if (!kernel_->RefusesUse()) GTEST_SKIP() << "missing: a backend with hooks (bpf_lsm or fmod_ret), not " << kernel_->BackendName();
  }
  // A process that only waits; children of this one may be traced whatever Yama says (but never).
  static Actor Waiting() {
    return Actor([](const Actor::Stage& stage) {
      stage.Reach();
      stage.Reach();
    });
  }
  uint32_t MarksOf(pid_t pid) {
    const auto process = kernel_->Process(static_cast<uint32_t>(pid));
    EXPECT_TRUE(process);
    return process ? process->image_flags & (kMarks | kMarks << BELFRY_IMAGE_OF_NEXT_SHIFT) : ~0u;
  }
  static void Attach(pid_t pid) {
    ASSERT_EQ(ptrace(PTRACE_SEIZE, pid, 0, 0), 0) << strerror(errno);
  }
  static void Detach(pid_t pid) {
    ASSERT_EQ(ptrace(PTRACE_INTERRUPT, pid, 0, 0), 0);
    waitpid(pid, nullptr, __WALL);
    ASSERT_EQ(ptrace(PTRACE_DETACH, pid, 0, 0), 0);
  }
  static ssize_t WriteRemote(pid_t pid, bool write = true) {
    int value = 1;
    const iovec own{.iov_base = &value, .iov_len = sizeof value}, its{.iov_base = &target, .iov_len = sizeof target};
    return write ? process_vm_writev(pid, &own, 1, &its, 1, 0) : process_vm_readv(pid, &own, 1, &its, 1, 0);
  }
  static kit::OwnedFd OpenMemory(pid_t pid) {
    return kit::OwnedFd(open(("/proc/" + std::to_string(pid) + "/mem").c_str(), O_RDWR | O_CLOEXEC));
  }
  static ssize_t WriteMemory(int fd) {
    const int value = 1;
    return pwrite(fd, &value, sizeof value, reinterpret_cast<off_t>(&target));
  }
};

TEST_F(TamperTest, AnAttachIsToldOnceWithWhoDidIt) {
  Actor victim = Waiting();
  ASSERT_TRUE(victim.AwaitReach());
  EXPECT_EQ(MarksOf(victim.pid()), 0u);
  Attach(victim.pid());
  Detach(victim.pid());
  Attach(victim.pid());
  Detach(victim.pid());
  EXPECT_EQ(MarksOf(victim.pid()), BELFRY_IMAGE_TRACED);
  const auto told = Drain<belfry_event_tampered>(BELFRY_KIND_TAMPERED);
  ASSERT_EQ(told.size(), 1u);
  EXPECT_EQ(told[0].process.tgid, static_cast<uint32_t>(victim.pid()));
  EXPECT_EQ(told[0].by.tgid, static_cast<uint32_t>(getpid()));
  EXPECT_EQ(told[0].image_flags, static_cast<uint32_t>(BELFRY_IMAGE_TRACED));
}

TEST_F(TamperTest, WhoAsksToBeTracedIsMarked) {
  Actor victim([](const Actor::Stage& stage) {
    ptrace(PTRACE_TRACEME, 0, 0, 0);
    stage.Reach();
  });
  ASSERT_TRUE(victim.AwaitReach());
  EXPECT_EQ(MarksOf(victim.pid()), BELFRY_IMAGE_TRACED);
}

TEST_F(TamperTest, AWriteFromOutsideIsMarked) {
  Actor victim = Waiting();
  ASSERT_TRUE(victim.AwaitReach());
  const kit::OwnedFd mem = OpenMemory(victim.pid());
  ASSERT_EQ(WriteMemory(mem.get()), static_cast<ssize_t>(sizeof target));
  EXPECT_EQ(MarksOf(victim.pid()), BELFRY_IMAGE_MEMORY_WRITTEN);
  EXPECT_EQ(Drain<belfry_event_tampered>(BELFRY_KIND_TAMPERED).size(), 1u);
}

// Before 6.5 the function has more arguments than a program gets: the kernel part says that it is blind to writes.
TEST_F(TamperTest, AWriteByACallIsMarkedOrSaidToGoUnseen) {
  Actor victim = Waiting();
  ASSERT_TRUE(victim.AwaitReach());
  ASSERT_EQ(WriteRemote(victim.pid()), static_cast<ssize_t>(sizeof target));
  const bool blind = (kernel_->BlindTo() & 1u << BELFRY_TAINT_MEMORY_WRITTEN) != 0;
  EXPECT_EQ(MarksOf(victim.pid()), blind ? 0u : BELFRY_IMAGE_MEMORY_WRITTEN);
  EXPECT_EQ(Drain<belfry_event_tampered>(BELFRY_KIND_TAMPERED).size(), blind ? 0u : 1u);
}

TEST_F(TamperTest, ReadersAreNot) {
  Actor victim = Waiting();
  ASSERT_TRUE(victim.AwaitReach());
  ASSERT_EQ(WriteRemote(victim.pid(), false), static_cast<ssize_t>(sizeof target));
  int value = 0;
  const kit::OwnedFd mem = OpenMemory(victim.pid());
  ASSERT_EQ(pread(mem.get(), &value, sizeof value, reinterpret_cast<off_t>(&target)), static_cast<ssize_t>(sizeof value));
  EXPECT_EQ(MarksOf(victim.pid()), 0u);
}

TEST_F(TamperTest, WhoWritesIntoItselfIsNot) {
  Actor victim([](const Actor::Stage& stage) {
    if (WriteRemote(getpid()) < 0 || WriteMemory(OpenMemory(getpid()).get()) < 0) _exit(1);
    stage.Reach();
  });
  ASSERT_TRUE(victim.AwaitReach());
  EXPECT_EQ(MarksOf(victim.pid()), 0u);
}

TEST_F(TamperTest, AForkInheritsIt) {
  Actor victim([](const Actor::Stage& stage) {
    stage.Reach();
    const pid_t child = fork();
    if (child == 0) {
      pause();
      _exit(0);
    }
    stage.Say(child);
    pause();
  });
  ASSERT_TRUE(victim.AwaitReach());
  ASSERT_GT(WriteMemory(OpenMemory(victim.pid()).get()), 0);
  victim.Continue();
  const pid_t child = victim.Hear();
  EXPECT_EQ(MarksOf(child), BELFRY_IMAGE_MEMORY_WRITTEN);
  kill(child, SIGKILL);
}

// A tracer that asks to (PTRACE_O_TRACEFORK) has the child before its first instruction.
TEST_F(TamperTest, AForkUnderATracerIsTracedItself) {
  Actor victim([](const Actor::Stage& stage) {
    stage.Reach();
    if (fork() == 0) pause();
    pause();
  });
  ASSERT_TRUE(victim.AwaitReach());
  ASSERT_EQ(ptrace(PTRACE_SEIZE, victim.pid(), 0, PTRACE_O_TRACEFORK | PTRACE_O_EXITKILL), 0);
  victim.Continue();
  int status = 0;
  unsigned long child = 0;
  ASSERT_EQ(waitpid(victim.pid(), &status, __WALL), victim.pid());
  ASSERT_EQ(status >> 8, SIGTRAP | PTRACE_EVENT_FORK << 8);
  ASSERT_EQ(ptrace(PTRACE_GETEVENTMSG, victim.pid(), 0, &child), 0);
  EXPECT_EQ(MarksOf(static_cast<pid_t>(child)), BELFRY_IMAGE_TRACED);
  kill(static_cast<pid_t>(child), SIGKILL);
}

TEST_F(TamperTest, TheNextExecIsAnotherImage) {
  Actor victim([](const Actor::Stage& stage) {
    stage.Reach();
    execl("/bin/sleep", "sleep", "60", nullptr);
  });
  ASSERT_TRUE(victim.AwaitReach());
  ASSERT_GT(WriteMemory(OpenMemory(victim.pid()).get()), 0);
  const uint64_t before = kernel_->Process(static_cast<uint32_t>(victim.pid()))->pin.exec_id;
  const kit::OwnedFd old_memory = OpenMemory(victim.pid());
  victim.Continue();
  AwaitExec(static_cast<uint32_t>(victim.pid()), before);
  EXPECT_EQ(MarksOf(victim.pid()), 0u);
  // What a descriptor of the image before still reaches is nobody's.
  WriteMemory(old_memory.get());
  EXPECT_EQ(MarksOf(victim.pid()), 0u);
}

// The server's end: nothing more to an image that the guard minds, without a daemon.
TEST_F(TamperTest, NothingMoreIsSentToAnImageThatTheGuardMinds) {
  for (const bool minds : {false, true}) {
    GuardOrders orders{.guard = kGuard};
    orders.orders = {.mode = BELFRY_MODE_DENY, .flags = 0, .withhold = minds ? 1u << BELFRY_TAINT_MEMORY_WRITTEN : 0u, .pad = 0, .loss_ns = 0};
    ASSERT_TRUE(kernel_->SetOrders({&orders, 1}).ok());
    Actor client([&](const Actor::Stage& stage) {
      const kit::OwnedFd fd = Connect(guarded_);
      stage.Reach();
      stage.Reach();
    });
    ASSERT_TRUE(client.AwaitReach());
    const kit::OwnedFd server(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    ASSERT_EQ(send(server.get(), "x", 1, MSG_NOSIGNAL), 1);
    ASSERT_GT(WriteMemory(OpenMemory(client.pid()).get()), 0);
    EXPECT_EQ(send(server.get(), "x", 1, MSG_NOSIGNAL), minds ? -1 : 1);
    if (minds) EXPECT_EQ(errno, EPIPE);
  }
}

}  // namespace
}  // namespace belfry::kernel
