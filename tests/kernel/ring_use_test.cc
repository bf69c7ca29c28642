// A stream used through a ring: judged by whoever may have filled it in, whosever the ring is.
#include <sched.h>
#include <sys/syscall.h>

#include <thread>

#include "kernel/live_use.h"

namespace belfry::kernel {
namespace {

enum class By { kOwner, kChild, kVforked };  // kVforked: with the owner's memory and table

struct RingCase {
  const char* name;
  By by;
  bool own = false;  // the ring is of who submits, not of the owner
  unsigned ring_flags = 0, entry_flags = 0;
  bool allowed = false;  // the guard says sqpoll: allow
  bool receive = false, refused = true;
};

class SharedRing : public UseTest, public testing::WithParamInterface<RingCase> {
 protected:
  static int Use(io_uring& ring, int fd) {
    static char byte;
    const int result = Submit(ring, [fd](io_uring_sqe* entry) {
      if (GetParam().receive)
        io_uring_prep_recv(entry, fd, &byte, 1, 0);
      else
        io_uring_prep_send(entry, fd, "x", 1, MSG_NOSIGNAL);
    }, GetParam().entry_flags);
    return result < 0 ? -result : 0;
  }
  static void Open(io_uring& ring) {
    if (io_uring_queue_init(4, &ring, GetParam().ring_flags) != 0) _exit(96);
  }
};

TEST_P(SharedRing, IsJudgedByWhoMayHaveFilledIt) {
  const RingCase one = GetParam();
  if (one.allowed) Order(BELFRY_MODE_DENY, BELFRY_GUARD_ALLOW_SQPOLL);
  Actor actor([&](const Actor::Stage& stage) {
    static int fd;
    static io_uring ring;
    static const Actor::Stage* to;
    fd = Stream(guarded_);
    to = &stage;
    if (!one.own) Open(ring);
    stage.Reach();
    const auto play = [](void*) {
      if (GetParam().own) Open(ring);
      to->Say(Use(ring, fd));
      return 0;
    };
    static char stack[1 << 16];
    if (one.by == By::kOwner) play(nullptr);
    if (one.by == By::kVforked) clone(play, stack + sizeof stack, CLONE_VM | CLONE_FILES | SIGCHLD, nullptr);
    if (one.by == By::kChild && fork() == 0) _exit(play(nullptr));
    pause();
  });
  ASSERT_TRUE(actor.AwaitReach());
  Serve(listener_.get());
  actor.Continue();
  EXPECT_EQ(actor.Hear(), one.refused ? EACCES : 0);
}
INSTANTIATE_TEST_SUITE_P(
    Rings, SharedRing,
    testing::Values(RingCase{.name = "child_in_the_owners_ring", .by = By::kChild},
                    RingCase{.name = "child_in_the_owners_ring_by_a_worker", .by = By::kChild, .entry_flags = IOSQE_ASYNC},
                    RingCase{.name = "child_receives_in_the_owners_ring", .by = By::kChild, .receive = true},
                    RingCase{.name = "child_in_the_owners_polled_ring", .by = By::kChild, .ring_flags = IORING_SETUP_SQPOLL},
                    RingCase{.name = "child_in_the_owners_polled_ring_by_a_worker", .by = By::kChild, .ring_flags = IORING_SETUP_SQPOLL, .entry_flags = IOSQE_ASYNC},
                    RingCase{.name = "child_receives_in_the_owners_polled_ring", .by = By::kChild, .ring_flags = IORING_SETUP_SQPOLL, .receive = true},
                    RingCase{.name = "child_in_its_own_polled_ring", .by = By::kChild, .own = true, .ring_flags = IORING_SETUP_SQPOLL},
                    RingCase{.name = "child_in_its_own_polled_ring_where_that_is_allowed", .by = By::kChild, .own = true, .ring_flags = IORING_SETUP_SQPOLL, .allowed = true},
                    RingCase{.name = "vforked_child_in_the_owners_ring", .by = By::kVforked},
                    RingCase{.name = "vforked_child_in_the_owners_polled_ring", .by = By::kVforked, .ring_flags = IORING_SETUP_SQPOLL},
                    RingCase{.name = "owner_receives_in_its_ring", .by = By::kOwner, .receive = true, .refused = false},
                    RingCase{.name = "owner_in_its_polled_ring", .by = By::kOwner, .ring_flags = IORING_SETUP_SQPOLL},
                    RingCase{.name = "owner_in_its_polled_ring_allowed", .by = By::kOwner, .ring_flags = IORING_SETUP_SQPOLL, .allowed = true, .refused = false}),
    [](const auto& info) { return std::string(info.param.name); });

// Its thread is its opener's, and ends with that: what a child puts into it afterwards nobody takes.
class FallenRing : public UseTest, public testing::WithParamInterface<bool> {};
TEST_P(FallenRing, CarriesNothing) {
  Order(BELFRY_MODE_DENY, BELFRY_GUARD_ALLOW_SQPOLL);
  Actor actor([&](const Actor::Stage& stage) {
    const int fd = Stream(guarded_);
    io_uring ring;
    if (io_uring_queue_init(4, &ring, IORING_SETUP_SQPOLL) != 0) _exit(96);
    stage.Reach();
    const Fall fall;
    if (fork() == 0) {
      fall.Await();
      io_uring_sqe* entry = io_uring_get_sqe(&ring);
      io_uring_prep_send(entry, fd, "z", 1, MSG_NOSIGNAL);
      io_uring_submit(&ring);
      syscall(SYS_io_uring_enter, ring.ring_fd, 1, 0, IORING_ENTER_SQ_WAKEUP, nullptr, 0);
      stage.Say(ErrorOf(syscall(SYS_io_uring_enter, ring.ring_fd, 1, 0, IORING_ENTER_SQ_WAKEUP | IORING_ENTER_SQ_WAIT, nullptr, 0)));
      stage.Reach();
      _exit(0);
    }
    if (GetParam()) execl("/bin/sleep", "sleep", "1000", nullptr);
    _exit(0);
  });
  ASSERT_TRUE(actor.AwaitReach());
  Serve(listener_.get());
  actor.Continue();
  EXPECT_EQ(actor.Hear(), EOWNERDEAD);
  ASSERT_TRUE(actor.AwaitReach());
  char c;
  EXPECT_NE(recv(server_.get(), &c, 1, MSG_DONTWAIT), 1) << "its server was told something";
  EXPECT_EQ(Answer(), EPIPE);
  actor.Continue();
}
INSTANTIATE_TEST_SUITE_P(Ways, FallenRing, testing::Bool(), [](const auto& info) { return info.param ? "exec" : "exit"; });

// A ring hands its file to another one, and no hook on descriptors sees it (Linux 6.0): the use of it does.
TEST_F(UseTest, AFileThatARingSentIsNoUse) {
  Actor actor([&](const Actor::Stage& stage) {
    const int fd = Stream(guarded_);
    io_uring mine, theirs;
    const int none = -1;
    if (io_uring_queue_init(4, &mine, 0) != 0 || io_uring_queue_init(4, &theirs, 0) != 0) _exit(96);
    if (io_uring_register_files(&mine, &fd, 1) != 0 || io_uring_register_files(&theirs, &none, 1) != 0) _exit(96);
    stage.Reach();
    const int handed = Submit(mine, [&](io_uring_sqe* entry) {
      io_uring_prep_msg_ring(entry, theirs.ring_fd, 0, 0, 0);
      entry->addr = IORING_MSG_SEND_FD;
      entry->addr3 = 0;
      entry->file_index = 1;  // its slot 0
    });
    stage.Say(handed);
    if (handed == 0 && fork() == 0) {
      io_uring_cqe* arrived = nullptr;
      if (io_uring_wait_cqe(&theirs, &arrived) != 0) _exit(96);
      io_uring_cqe_seen(&theirs, arrived);
      const int sent = Submit(theirs, [](io_uring_sqe* entry) { io_uring_prep_send(entry, 0, "x", 1, MSG_NOSIGNAL); }, IOSQE_FIXED_FILE);
      stage.Say(-sent);
      _exit(0);
    }
    pause();
  });
  ASSERT_TRUE(actor.AwaitReach());
  Serve(listener_.get());
  actor.Continue();
  if (const int sent = actor.Hear(); sent == -EINVAL) GTEST_SKIP() << "missing: IORING_MSG_SEND_FD (Linux 6.0)";
  else ASSERT_EQ(sent, 0);
  EXPECT_EQ(actor.Hear(), EACCES);
}

}  // namespace
}  // namespace belfry::kernel
