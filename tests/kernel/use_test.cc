// Who speaks on it: the pin and nobody else where a guard denies; nothing more is sent to a pin that fell. Needs a
// backend with hooks: on a machine without one these are skips, in the virtual machines they run.
#include <linux/sched.h>
#include <sys/syscall.h>

#include <algorithm>
#include <thread>

#include "kernel/live_use.h"

namespace belfry::kernel {
namespace {

TEST_F(UseTest, TheOpenerMayDoEverything) {
  Actor actor = Opener(SayAll);
  ASSERT_TRUE(actor.AwaitReach());
  Serve(listener_.get());
  actor.Continue();
  ExpectAllowed(actor);
  EXPECT_EQ(TaintsOf(static_cast<uint32_t>(actor.pid())), 0u);
}

TEST_F(UseTest, SoMayItsThreadsOnACopy) {
  Actor actor = Opener([](const Actor::Stage& stage, int fd) { std::thread([&] { SayAll(stage, dup(fd)); }).join(); });
  ASSERT_TRUE(actor.AwaitReach());
  Serve(listener_.get());
  actor.Continue();
  ExpectAllowed(actor);
}

TEST_F(UseTest, AForkedChildMayNothing) {
  Actor actor = WithChild(guarded_, SayAll);
  ASSERT_TRUE(actor.AwaitReach());
  Serve(listener_.get());
  Drain<belfry_event_connect>(BELFRY_KIND_CONNECT);
  actor.Continue();
  ExpectRefused(actor);
  // What was refused did not happen to the opener; what is only seen did.
  EXPECT_EQ(TaintsOf(static_cast<uint32_t>(actor.pid())), TaintsOfSeenOps());
  const auto told = Drain<belfry_event_refused>(BELFRY_KIND_REFUSED);
  ASSERT_EQ(told.size(), 5u);  // send, receive, setsockopt, ioctl, shutdown: each once, however often it was tried
  for (const belfry_event_refused& one : told) {
    EXPECT_EQ(one.guard, kGuard);
    EXPECT_NE(one.by.tgid, static_cast<uint32_t>(actor.pid()));
  }
}

TEST_F(UseTest, AChildThatSharesMemoryAndTableMayNothing) {
  Actor actor([&](const Actor::Stage& stage) {
    const int fd = Stream(guarded_);
    stage.Reach();
    static char stack[1 << 16];
    static const Actor::Stage* to;
    static int of;
    to = &stage;
    of = fd;
    clone([](void*) { SayAll(*to, of); return 0; }, stack + sizeof stack, CLONE_VM | CLONE_FILES | SIGCHLD, nullptr);
    pause();
  });
  ASSERT_TRUE(actor.AwaitReach());
  Serve(listener_.get());
  actor.Continue();
  ExpectRefused(actor);
}

TEST_F(UseTest, AForkedChildMayLookAtItAndKeepIt) {
  Actor actor = WithChild(guarded_, [](const Actor::Stage& stage, int fd) {
    for (const UseOp& op : kHarmlessOps) stage.Say(op.run(fd));
  });
  ASSERT_TRUE(actor.AwaitReach());
  Serve(listener_.get());
  actor.Continue();
  for (const UseOp& op : kHarmlessOps) EXPECT_EQ(actor.Hear(), 0) << op.name;
  EXPECT_EQ(TaintsOf(static_cast<uint32_t>(actor.pid())), 0u);
}

// Of the same number and exec id, and with the descriptor: only when it began differs.
TEST_F(UseTest, WhoGetsTheNumberOfAnOpenerThatEndedMayNothing) {
  Actor actor([&](const Actor::Stage& stage) {
    pid_t number = getpid();
    const int fd = Stream(guarded_);
    stage.Reach();
    if (fork() != 0) _exit(0);
    stage.Reach();
    clone_args args = {};
    args.exit_signal = SIGCHLD;
    args.set_tid = reinterpret_cast<uint64_t>(&number);
    args.set_tid_size = 1;
    const auto again = static_cast<pid_t>(syscall(SYS_clone3, &args, sizeof args));
    if (again < 0) _exit(95);
    if (again > 0) {
      waitpid(again, nullptr, 0);
      _exit(0);
    }
    stage.Say(static_cast<int>(syscall(SYS_getpid)) == number ? 0 : 1);
    SayAll(stage, fd);
    stage.Reach();
  });
  const auto number = static_cast<uint32_t>(actor.pid());
  ASSERT_TRUE(actor.AwaitReach());
  Serve(listener_.get());
  actor.Continue();
  ASSERT_EQ(actor.Wait(), 0);
  ASSERT_TRUE(actor.AwaitReach());
  actor.Continue();
  ASSERT_EQ(actor.Hear(), 0) << "clone3 gave it another number";
  ExpectRefused(actor);
  ASSERT_TRUE(actor.AwaitReach());
  EXPECT_EQ(Answer(), EPIPE);
  EXPECT_NE(TaintsOf(number) & 1u << BELFRY_TAINT_OPENER_EXITED, 0u);
  actor.Continue();
}

class FallenOpener : public UseTest, public testing::WithParamInterface<const char*> {};
TEST_P(FallenOpener, SpeaksToNobody) {
  const std::string how = GetParam();
  Actor actor([&](const Actor::Stage& stage) {
    const int fd = Stream(guarded_);
    stage.Reach();
    const Fall fall;
    if (fork() == 0) {
      fall.Await();
      SayAll(stage, fd);
      stage.Reach();
      _exit(0);
    }
    if (how == "exit") _exit(0);
    if (how == "exec by a thread")
      std::thread([] { execl("/bin/sleep", "sleep", "1000", nullptr); }).join();
    else
      execl("/bin/sleep", "sleep", "1000", nullptr);
  });
  ASSERT_TRUE(actor.AwaitReach());
  Serve(listener_.get());
  ASSERT_EQ(Answer(), 0);
  actor.Continue();
  ExpectRefused(actor);
  ASSERT_TRUE(actor.AwaitReach());
  EXPECT_EQ(Answer(), EPIPE) << "the server could send to an opener that fell";
  EXPECT_NE(TaintsOf(static_cast<uint32_t>(actor.pid())) & kFallen, 0u);
}
INSTANTIATE_TEST_SUITE_P(Ways, FallenOpener, testing::Values("exit", "exec", "exec by a thread"),
                         [](const auto& info) {
                           std::string name = info.param;
                           std::replace(name.begin(), name.end(), ' ', '_');
                           return name;
                         });

// Not a test: this very program after its exec, with the stream and the stage at known descriptors.
constexpr int kStreamFd = 100, kUpFd = 101, kDownFd = 102;
TEST(UseActor, DISABLED_SaysAll) {
  const Actor::Stage stage(kUpFd, kDownFd);
  for (const UseOp& op : kUseOps) stage.Say(op.run(kStreamFd));
  stage.Reach();
  _exit(0);
}

class ExecdOpener : public UseTest, public testing::WithParamInterface<bool> {};
TEST_P(ExecdOpener, MayNothing) {
  Actor actor([&](const Actor::Stage& stage) {
    dup2(Stream(guarded_), kStreamFd);
    stage.KeepAt(kUpFd, kDownFd);
    stage.Reach();
    const auto exec = [] {
      execl("/proc/self/exe", "kernel_test", "--gtest_also_run_disabled_tests", "--gtest_filter=UseActor.DISABLED_SaysAll", "--gtest_brief=1", nullptr);
    };
    if (!GetParam()) exec();
    std::thread(exec).join();
  });
  ASSERT_TRUE(actor.AwaitReach());
  Serve(listener_.get());
  actor.Continue();
  ExpectRefused(actor);
  ASSERT_TRUE(actor.AwaitReach());
  EXPECT_EQ(Answer(), EPIPE);
  actor.Continue();
}
INSTANTIATE_TEST_SUITE_P(Ways, ExecdOpener, testing::Bool(), [](const auto& info) { return info.param ? "by_a_thread" : "itself"; });

TEST_F(UseTest, ADescriptorArrivesNowhere) {
  int mail[2];
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, mail), 0);
  const kit::OwnedFd sender(mail[0]), receiver(mail[1]);
  Actor actor([&](const Actor::Stage& stage) {
    const int fd = Stream(guarded_);
    stage.Say(fd);
    union {
      cmsghdr header;
      char bytes[CMSG_SPACE(sizeof(int))];
    } rights = {};
    iovec data = OneByte();
    msghdr message = {};
    message.msg_iov = &data;
    message.msg_iovlen = 1;
    message.msg_control = rights.bytes;
    message.msg_controllen = sizeof rights.bytes;
    rights.header = {.cmsg_len = CMSG_LEN(sizeof fd), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
    memcpy(CMSG_DATA(&rights.header), &fd, sizeof fd);
    stage.Say(ErrorOf(sendmsg(sender.get(), &message, MSG_NOSIGNAL)));
    stage.Reach();
    // To oneself it may.
    stage.Say(ErrorOf(sendmsg(sender.get(), &message, MSG_NOSIGNAL)));
    message.msg_controllen = sizeof rights.bytes;
    const ssize_t got = recvmsg(receiver.get(), &message, 0);
    stage.Say(got == 1 && (message.msg_flags & MSG_CTRUNC) == 0 && message.msg_controllen != 0 ? 0 : 1);
    int again = -1;
    memcpy(&again, CMSG_DATA(&rights.header), sizeof again);
    stage.Say(ErrorOf(send(again, "x", 1, MSG_NOSIGNAL)));
  });
  const int fd = actor.Hear();
  ASSERT_GE(fd, 0);
  ASSERT_EQ(actor.Hear(), 0);
  iovec data = OneByte();
  char bytes[CMSG_SPACE(sizeof(int))];
  msghdr message = {};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = bytes;
  message.msg_controllen = sizeof bytes;
  ASSERT_EQ(recvmsg(receiver.get(), &message, 0), 1);
  EXPECT_NE(message.msg_flags & MSG_CTRUNC, 0);
  EXPECT_EQ(message.msg_controllen, 0u);
  const kit::OwnedFd pidfd(static_cast<int>(syscall(SYS_pidfd_open, actor.pid(), 0)));
  EXPECT_EQ(ErrorOf(syscall(SYS_pidfd_getfd, pidfd.get(), fd, 0)), EACCES);
  ASSERT_TRUE(actor.AwaitReach());
  actor.Continue();
  EXPECT_EQ(actor.Hear(), 0);
  EXPECT_EQ(actor.Hear(), 0) << "a descriptor sent to oneself was not let through";
  EXPECT_EQ(actor.Hear(), 0) << "a descriptor sent to oneself could not be used";
  EXPECT_EQ(TaintsOf(static_cast<uint32_t>(actor.pid())), 0u);
}

TEST_F(UseTest, WhoObservesRefusesNothingAndTaints) {
  Order(BELFRY_MODE_OBSERVE);
  Actor actor = WithChild(guarded_, SayAll);
  ASSERT_TRUE(actor.AwaitReach());
  Serve(listener_.get());
  actor.Continue();
  ExpectAllowed(actor);
  EXPECT_EQ(TaintsOf(static_cast<uint32_t>(actor.pid())),
            1u << BELFRY_TAINT_FOREIGN_SENDER | 1u << BELFRY_TAINT_FOREIGN_RECEIVER);
  EXPECT_EQ(Drain<belfry_event_taint>(BELFRY_KIND_TAINT).size(), 2u);
}

TEST_F(UseTest, AModeHoldsFromTheNextCallOn) {
  Actor actor = WithChild(guarded_, [](const Actor::Stage& stage, int fd) {
    for (int i = 0; i < 3; ++i) {
      stage.Say(ErrorOf(send(fd, "x", 1, MSG_NOSIGNAL)));
      stage.Reach();
    }
  });
  ASSERT_TRUE(actor.AwaitReach());
  Serve(listener_.get());
  for (const auto& [mode, error] : {std::pair(BELFRY_MODE_DENY, EACCES), {BELFRY_MODE_OBSERVE, 0}, {BELFRY_MODE_DENY, EACCES}}) {
    Order(mode);
    actor.Continue();
    EXPECT_EQ(actor.Hear(), error);
    ASSERT_TRUE(actor.AwaitReach());
  }
}

TEST_F(UseTest, ADaemonThatIsSilentForLongerThanItsGuardAllowsDeniesNoMore) {
  Order(BELFRY_MODE_DENY, 0, 1);
  Actor actor = WithChild(guarded_, [](const Actor::Stage& stage, int fd) {
    stage.Say(ErrorOf(send(fd, "x", 1, MSG_NOSIGNAL)));
  });
  ASSERT_TRUE(actor.AwaitReach());
  Serve(listener_.get());
  actor.Continue();
  EXPECT_EQ(actor.Hear(), 0);
}

// The kernel gives the same memory again at once: what was known of the socket before must be gone with it.
TEST_F(UseTest, WhoeverTakesTheMemoryOfAnEndIsNobodysBusiness) {
  for (int round = 0; round < 20; ++round) {
    Connect(guarded_).Reset();
    kit::OwnedFd(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC)).Reset();
    int ends[2];
    ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    const kit::OwnedFd one(ends[0]), other(ends[1]);
    Actor stranger([&](const Actor::Stage& stage) {
      stage.Say(ErrorOf(send(one.get(), "x", 1, MSG_NOSIGNAL)));
      stage.Say(ErrorOf(send(other.get(), "x", 1, MSG_NOSIGNAL)));
    });
    EXPECT_EQ(stranger.Hear(), 0);
    EXPECT_EQ(stranger.Hear(), 0);
  }
}

TEST_F(UseTest, OtherSocketsAreNobodysBusiness) {
  const std::string other = folder_ + "/other.sock";
  const kit::OwnedFd listener = Listen(other);
  Actor actor = WithChild(other, SayAll);
  ASSERT_TRUE(actor.AwaitReach());
  Serve(listener.get());
  actor.Continue();
  ExpectAllowed(actor);
  for (const ProgramCounters& program : Counters()) EXPECT_EQ(program.refused, 0u) << program.name;
}

}  // namespace
}  // namespace belfry::kernel
