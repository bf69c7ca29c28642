// Who speaks on it: the pin and nobody else where a guard denies; nothing more is sent to a pin that fell. Needs a
// backend with hooks: on a machine without one these are skips, in the virtual machines they run.
#include <sys/mman.h>
#include <sys/syscall.h>

#include <algorithm>
#include <thread>

#include "kernel/live_use.h"

namespace belfry::kernel {
namespace {

TEST_F(UseTest, TheOpenerMayDoEverything) {
  Actor actor([&](const Actor::Stage& stage) {
    const int fd = Stream(guarded_);
    stage.Reach();
    SayAll(stage, fd);
  });
  ASSERT_TRUE(actor.AwaitReach());
  Serve(listener_.get());
  actor.Continue();
  ExpectAllowed(actor);
  EXPECT_EQ(TaintsOf(static_cast<uint32_t>(actor.pid())), 0u);
}

TEST_F(UseTest, SoMayItsThreadsOnACopy) {
  Actor actor([&](const Actor::Stage& stage) {
    const int fd = Stream(guarded_);
    stage.Reach();
    std::thread([&] { SayAll(stage, dup(fd)); }).join();
  });
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

// The accomplice waits until its maker has exec'd or exited: a descriptor that closes then tells.
class FallenOpener : public UseTest, public testing::WithParamInterface<const char*> {};
TEST_P(FallenOpener, SpeaksToNobody) {
  const std::string how = GetParam();
  Actor actor([&](const Actor::Stage& stage) {
    const int fd = Stream(guarded_);
    stage.Reach();
    int fell[2];
    if (pipe2(fell, O_CLOEXEC) != 0) _exit(97);
    if (fork() == 0) {
      char c;
      close(fell[1]);
      if (read(fell[0], &c, 1) != 0) _exit(97);
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

TEST_F(UseTest, TheSameProcessAfterItsExecMayNothing) {
  Actor actor([&](const Actor::Stage& stage) {
    const int fd = Stream(guarded_);
    dup2(fd, 9);
    stage.Reach();
    execl("/bin/sh", "sh", "-c", "printf x >&9 && exit 10; read -r line <&9 && exit 11; exit 12", nullptr);
  });
  ASSERT_TRUE(actor.AwaitReach());
  Serve(listener_.get());
  actor.Continue();
  const int status = actor.Wait();
  EXPECT_EQ(WEXITSTATUS(status), 12);
}

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
  EXPECT_EQ(TaintsOf(static_cast<uint32_t>(actor.pid())), 0u);
}

struct RingCase {
  const char* name;
  bool sqpoll, by_child, allowed;
  unsigned entry_flags;
  bool refused;
};
class SharedRing : public UseTest, public testing::WithParamInterface<RingCase> {};
TEST_P(SharedRing, IsJudgedByWhoMayHaveFilledIt) {
  const RingCase one = GetParam();
  if (one.allowed) Order(BELFRY_MODE_DENY, BELFRY_GUARD_ALLOW_SQPOLL);
  Actor actor([&](const Actor::Stage& stage) {
    const int fd = Stream(guarded_);
    io_uring ring;
    if (io_uring_queue_init(4, &ring, one.sqpoll ? IORING_SETUP_SQPOLL : 0) != 0) _exit(96);
    stage.Reach();
    const auto play = [&] {
      const int sent = Submit(ring, [&](io_uring_sqe* entry) { io_uring_prep_send(entry, fd, "x", 1, MSG_NOSIGNAL); }, one.entry_flags);
      stage.Say(sent < 0 ? -sent : 0);
    };
    if (!one.by_child) play();
    if (one.by_child && fork() == 0) {
      play();
      _exit(0);
    }
    pause();
  });
  ASSERT_TRUE(actor.AwaitReach());
  Serve(listener_.get());
  actor.Continue();
  EXPECT_EQ(actor.Hear(), one.refused ? EACCES : 0);
}
INSTANTIATE_TEST_SUITE_P(
    Rings, SharedRing,
    testing::Values(RingCase{"child_in_the_owners_ring", false, true, false, 0, true},
                    RingCase{"child_in_the_owners_ring_by_a_worker", false, true, false, IOSQE_ASYNC, true},
                    RingCase{"child_in_the_owners_polled_ring", true, true, false, 0, true},
                    RingCase{"child_in_the_owners_polled_ring_by_a_worker", true, true, false, IOSQE_ASYNC, true},
                    RingCase{"owner_in_its_polled_ring", true, false, false, 0, true},
                    RingCase{"owner_in_its_polled_ring_allowed", true, false, true, 0, false}),
    [](const auto& info) { return std::string(info.param.name); });

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
