// Who opened it, where the task that connects is not the obvious one.
#include <liburing.h>
#include <sched.h>

#include <thread>

#include "kernel/live_kernel.h"
#include "kernel/routes.h"

namespace belfry::kernel {
namespace {

constexpr char kPath[] = "BELFRY_OPENER_PATH";

class OpenerTest : public LiveKernel {
 protected:
  // What is recorded of the connection that comes next, and whom the socket itself names.
  void ExpectTheOneNamed(uint32_t* named = nullptr) {
    const kit::OwnedFd server(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    ASSERT_TRUE(server);
    ucred peer{};
    socklen_t size = sizeof peer;
    ASSERT_EQ(getsockopt(server.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size), 0);
    const auto pid = static_cast<uint32_t>(peer.pid);
    const auto entries = ConnectionsOf(pid);
    ASSERT_EQ(entries.size(), 1u) << pid;
    const auto live = kernel_->Live(pid);
    ASSERT_TRUE(live.ok()) << live.status();
    EXPECT_EQ(entries[0].record.opener.tgid, pid);
    EXPECT_EQ(entries[0].record.opener.start_ns, live->pin.start_ns);
    EXPECT_EQ(entries[0].record.opener.exec_id, live->pin.exec_id);
    EXPECT_EQ(entries[0].record.taints, 0u);
    EXPECT_EQ(kernel_->AllConnections()->size(), 1u);
    if (named != nullptr) *named = pid;
  }
};

TEST_F(OpenerTest, IsTheVforkedChildNotWhoseTableItIs) {
  Actor actor([&](const Actor::Stage& stage) {
    static const Actor::Stage* to;
    static std::string path;
    to = &stage;
    path = guarded_;
    static char stack[1 << 16];
    const auto play = [](void*) {
      Must(ConnectFd(socket(AF_UNIX, SOCK_STREAM, 0), path) == 0);
      to->Reach();
      return 0;
    };
    clone(play, stack + sizeof stack, CLONE_VM | CLONE_FILES | CLONE_VFORK | SIGCHLD, nullptr);
    pause();
  });
  ASSERT_TRUE(actor.AwaitReach());
  uint32_t named = 0;
  ExpectTheOneNamed(&named);
  EXPECT_NE(named, static_cast<uint32_t>(actor.pid()));
  actor.Continue();
}

// Not a test: this very program after its exec.
TEST(OpenerActor, DISABLED_Connects) {
  sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
  strncpy(address.sun_path, getenv(kPath), sizeof address.sun_path - 1);
  Must(connect(socket(AF_UNIX, SOCK_STREAM, 0), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
  pause();
}

TEST_F(OpenerTest, IsTheImageThatAThreadExecuted) {
  setenv(kPath, guarded_.c_str(), 1);
  Actor actor([&](const Actor::Stage&) {
    std::thread([] {
      execl("/proc/self/exe", "kernel_test", "--gtest_also_run_disabled_tests", "--gtest_filter=OpenerActor.DISABLED_Connects", "--gtest_brief=1", nullptr);
    }).join();
  });
  uint32_t named = 0;
  ExpectTheOneNamed(&named);
  EXPECT_EQ(named, static_cast<uint32_t>(actor.pid()));
}

// Submitted by a child: a polling thread is its owner's, and else the child connects. Either way as SO_PEERCRED has it.
class ByTheOwnersRing : public OpenerTest, public testing::WithParamInterface<std::pair<unsigned, unsigned>> {};
TEST_P(ByTheOwnersRing, IsWhomTheSocketNames) {
  Actor actor([&](const Actor::Stage& stage) {
    const auto [ring_flags, entry_flags] = GetParam();
    io_uring ring;
    Must(io_uring_queue_init(4, &ring, ring_flags) == 0);
    const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    const sockaddr_un address = Address(guarded_);  // a polling thread reads it in its owner's memory
    const pid_t child = fork();
    if (child == 0) {
      io_uring_sqe* entry = io_uring_get_sqe(&ring);
      io_uring_prep_connect(entry, fd, reinterpret_cast<const sockaddr*>(&address), sizeof address);
      io_uring_sqe_set_flags(entry, entry_flags);
      io_uring_submit(&ring);
      io_uring_cqe* done = nullptr;
      Must(io_uring_wait_cqe(&ring, &done) == 0 && done->res == 0);
      stage.Reach();
      _exit(0);
    }
    int status = 0;
    waitpid(child, &status, 0);
    if (status == 0) pause();
  });
  ASSERT_TRUE(actor.AwaitReach());
  ExpectTheOneNamed();
  actor.Continue();
}
INSTANTIATE_TEST_SUITE_P(Routes, ByTheOwnersRing, testing::ValuesIn(kRings));

}  // namespace
}  // namespace belfry::kernel
