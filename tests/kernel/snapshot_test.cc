// Who lives and who holds what: the kernel's own lists.
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/vfs.h>

#include <algorithm>
#include <fstream>
#include <future>
#include <thread>

#include "kernel/live_kernel.h"
#include "kernel/show_as.h"

namespace belfry::kernel {
namespace {

using std::string;

class SnapshotTest : public LiveKernel {
 protected:
  std::vector<belfry_socket> HoldersOf(uint64_t cookie) {
    absl::StatusOr<std::vector<belfry_socket>> holders = kernel_->HoldersOf({{cookie}});
    EXPECT_TRUE(holders.ok()) << holders.status();
    return holders.ok() ? *std::move(holders) : std::vector<belfry_socket>();
  }
};

void SendFd(int channel, int fd) {
  char byte = 'x';
  iovec data = {.iov_base = &byte, .iov_len = 1};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  msghdr message = {.msg_iov = &data, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)};
  cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof(int));
  std::memcpy(CMSG_DATA(header), &fd, sizeof(fd));
  ASSERT_EQ(sendmsg(channel, &message, 0), 1);
}

TEST_F(SnapshotTest, BothEndsAndTheListenerAreFound) {
  const kit::OwnedFd client = Connect(guarded_);
  const kit::OwnedFd server(accept(listener_.get(), nullptr, nullptr));
  const auto sockets = kernel_->Sockets(static_cast<uint32_t>(getpid()));
  ASSERT_TRUE(sockets.ok()) << sockets.status();
  ASSERT_EQ(sockets->size(), 3u);
  for (const belfry_socket& found : *sockets) {
    struct stat info = {};
    ASSERT_EQ(fstat(static_cast<int>(found.fd), &info), 0);
    EXPECT_EQ(found.sock_inode, info.st_ino);
    EXPECT_EQ(found.guard, 7u);
    EXPECT_EQ(found.holder_tgid, static_cast<uint32_t>(getpid()));
    EXPECT_EQ(found.cookie, CookieOf(static_cast<int>(found.fd)));
    EXPECT_EQ(found.peercred_tgid, static_cast<uint32_t>(getpid()));
    const int fd = static_cast<int>(found.fd);
    const uint32_t end = fd == client.get()   ? BELFRY_END_CLIENT
                         : fd == server.get() ? BELFRY_END_SERVER
                                              : BELFRY_END_LISTENER;
    EXPECT_EQ(found.end, end);
    if (end == BELFRY_END_SERVER) {
      EXPECT_EQ(found.peer_cookie, CookieOf(client.get()));
    }
  }
  const auto everyone = kernel_->Sockets(0);
  ASSERT_TRUE(everyone.ok());
  EXPECT_EQ(everyone->size(), 3u);
}

TEST_F(SnapshotTest, SocketsOlderThanTheGuardHaveCookiesToo) {
  // Connected before anyone watched: neither end ever had a cookie.
  kernel_.reset();
  const kit::OwnedFd client = Connect(guarded_);
  const kit::OwnedFd server(accept(listener_.get(), nullptr, nullptr));
  absl::StatusOr<Opened> opened = OpenKernel(Options());
  ASSERT_TRUE(opened.ok());
  kernel_ = std::move(opened->kernel);
  Guard({{7, guarded_}});
  EXPECT_TRUE(kernel_->AllConnections()->empty());
  const auto sockets = kernel_->Sockets(0);
  ASSERT_TRUE(sockets.ok());
  const auto end = std::find_if(sockets->begin(), sockets->end(),
                                [](const belfry_socket& s) { return s.end == BELFRY_END_SERVER; });
  ASSERT_NE(end, sockets->end());
  EXPECT_EQ(end->peer_cookie, CookieOf(client.get()));
  belfry_connection record = {};
  record.opener.tgid = static_cast<uint32_t>(getpid());
  record.taints = 1u << BELFRY_TAINT_PREEXISTING;
  ASSERT_TRUE(kernel_->Insert(end->peer_cookie, record).ok());
  EXPECT_FALSE(kernel_->Insert(end->peer_cookie, record).ok());
  const auto entries = ConnectionsOf(static_cast<uint32_t>(getpid()));
  ASSERT_EQ(entries.size(), 1u);
  EXPECT_TRUE(entries[0].alive);
}

TEST_F(SnapshotTest, AnOlderConnectionThatIsAskedForIsUnrecorded) {
  kernel_.reset();
  const kit::OwnedFd client = Connect(guarded_);
  const kit::OwnedFd server(accept(listener_.get(), nullptr, nullptr));
  absl::StatusOr<Opened> opened = OpenKernel(Options());
  ASSERT_TRUE(opened.ok());
  kernel_ = std::move(opened->kernel);
  Guard({{7, guarded_}});
  ucred peer = {};
  socklen_t size = sizeof(peer);
  ASSERT_EQ(getsockopt(server.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size), 0);
  const auto entries = ConnectionsOf(static_cast<uint32_t>(getpid()));
  ASSERT_EQ(entries.size(), 1u);
  EXPECT_EQ(entries[0].record.taints, 1u << BELFRY_TAINT_UNRECORDED);
  EXPECT_TRUE(entries[0].alive);
  EXPECT_EQ(Drain<belfry_event_connect>(BELFRY_KIND_UNRECORDED).size(), 1u);
  EXPECT_EQ(HoldersOf(entries[0].cookie).size(), 1u);
}

TEST_F(SnapshotTest, EveryHolderIsFound) {
  const kit::OwnedFd client = Connect(guarded_);
  const uint64_t cookie = CookieOf(client.get());
  const uint32_t self = static_cast<uint32_t>(getpid());
  ASSERT_EQ(HoldersOf(cookie).size(), 1u);
  EXPECT_EQ(HoldersOf(cookie)[0].holder_tgid, self);
  Actor child([&](const Actor::Stage& stage) { stage.Reach(); });
  ASSERT_TRUE(child.AwaitReach());
  std::vector<belfry_socket> holders = HoldersOf(cookie);
  ASSERT_EQ(holders.size(), 2u);
  EXPECT_EQ(std::count_if(holders.begin(), holders.end(),
                          [&](const belfry_socket& s) { return s.holder_tgid == static_cast<uint32_t>(child.pid()); }),
            1);
  EXPECT_TRUE(kernel_->HoldersOf({})->empty());
  EXPECT_TRUE(HoldersOf(cookie + 1000).empty());
}

TEST_F(SnapshotTest, AThreadsOwnTableIsSearched) {
  const kit::OwnedFd client = Connect(guarded_);
  Actor child([&](const Actor::Stage& stage) {
    std::promise<void> apart;
    std::thread([&] {
      if (unshare(CLONE_FILES) != 0) _exit(1);
      apart.set_value();
      pause();
    }).detach();
    apart.get_future().wait();
    // The leader's table has it no more, the thread's has.
    const_cast<kit::OwnedFd&>(client).Reset();
    stage.Reach();
  });
  ASSERT_TRUE(child.AwaitReach());
  const auto holders = HoldersOf(CookieOf(client.get()));
  EXPECT_GE(std::count_if(holders.begin(), holders.end(),
                          [&](const belfry_socket& s) { return s.holder_tgid == static_cast<uint32_t>(child.pid()); }),
            1);
}

TEST_F(SnapshotTest, OneThatIsOnItsWayIsFound) {
  kit::OwnedFd client = Connect(guarded_);
  const uint64_t cookie = CookieOf(client.get());
  int channel[2];
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, channel), 0);
  SendFd(channel[0], client.get());
  EXPECT_EQ(HoldersOf(cookie).at(0).in_flight, 1u);
  client.Reset();
  const auto holders = HoldersOf(cookie);
  ASSERT_EQ(holders.size(), 1u);
  EXPECT_EQ(holders[0].in_flight, 1u);
  EXPECT_EQ(holders[0].holder_tgid, 0u);
  close(channel[0]);
  close(channel[1]);
  EXPECT_TRUE(HoldersOf(cookie).empty());
}

TEST_F(SnapshotTest, LiveShowsAnExecutableSwappedWithoutExec) {
  const string trusted = folder_ + "/trusted";
  std::filesystem::copy_file("/bin/true", trusted);
  Actor child([&](const Actor::Stage& stage) {
    stage.Reach();
    stage.Say(ShowAs(trusted));
    stage.Reach();
  });
  ASSERT_TRUE(child.AwaitReach());
  const uint32_t pid = static_cast<uint32_t>(child.pid());
  const belfry_live before = *kernel_->Live(pid);
  child.Continue();
  const int error = child.Hear();
  if (error == EPERM) GTEST_SKIP() << "missing: PR_SET_MM_MAP (" << std::strerror(error) << ")";
  ASSERT_EQ(error, 0);
  const belfry_live after = *kernel_->Live(pid);
  struct stat file = {};
  ASSERT_EQ(stat(trusted.c_str(), &file), 0);
  EXPECT_EQ(after.exe.ino, file.st_ino);
  EXPECT_NE(after.exe.ino, before.exe.ino);
  EXPECT_EQ(after.pin.exec_id, before.pin.exec_id);
}

TEST_F(SnapshotTest, AProcessLivesOnWithoutItsLeader) {
  Actor child([&](const Actor::Stage& stage) {
    std::thread([&stage] {
      stage.Reach();
      _exit(0);
    }).detach();
    syscall(SYS_exit, 0);
  });
  ASSERT_TRUE(child.AwaitReach());
  const uint32_t pid = static_cast<uint32_t>(child.pid());
  // The leader may still be on its way out: the count falls to one when it is a zombie.
  absl::StatusOr<belfry_live> live = kernel_->Live(pid);
  while (live.ok() && live->threads != 1) live = kernel_->Live(pid);
  ASSERT_TRUE(live.ok()) << live.status();
  EXPECT_EQ(live->exe.ino, kernel_->Live(static_cast<uint32_t>(getpid()))->exe.ino);
  EXPECT_EQ(live->place, 0u);
  EXPECT_TRUE(kernel_->Process(pid));
  child.Continue();
  siginfo_t info = {};
  ASSERT_EQ(waitid(P_PID, pid, &info, WEXITED | WNOWAIT), 0);
  live = kernel_->Live(pid);
  ASSERT_TRUE(live.ok()) << live.status();
  EXPECT_EQ(live->threads, 0u);
  EXPECT_FALSE(kernel_->Process(pid));
  child.Wait();
  EXPECT_TRUE(absl::IsNotFound(kernel_->Live(pid).status()));
}

TEST_F(SnapshotTest, ATracerIsNamed) {
  Actor child([](const Actor::Stage& stage) {
    prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY);
    stage.Reach();
  });
  ASSERT_TRUE(child.AwaitReach());
  EXPECT_EQ(kernel_->Live(static_cast<uint32_t>(child.pid()))->traced_by, 0u);
  const long seized = syscall(SYS_ptrace, 0x4206 /* PTRACE_SEIZE */, child.pid(), 0, 0);
  if (seized != 0) GTEST_SKIP() << "missing: ptrace (" << std::strerror(errno) << ")";
  EXPECT_EQ(kernel_->Live(static_cast<uint32_t>(child.pid()))->traced_by, static_cast<uint32_t>(getpid()));
}

TEST_F(SnapshotTest, OurOwnFilesAreDescribed) {
  kit::OwnedFd file(open("/bin/true", O_RDONLY | O_CLOEXEC));
  struct stat info = {};
  ASSERT_EQ(fstat(file.get(), &info), 0);
  const auto described = kernel_->Describe(file.get());
  ASSERT_TRUE(described.ok()) << described.status();
  EXPECT_EQ(described->id.ino, info.st_ino);
  EXPECT_EQ(described->id.size, static_cast<uint64_t>(info.st_size));
  EXPECT_EQ(described->initial_userns, 1u);
  struct statfs fs = {};
  ASSERT_EQ(fstatfs(file.get(), &fs), 0);
  EXPECT_EQ(described->fs_magic, static_cast<uint64_t>(fs.f_type));
  EXPECT_EQ(kernel_->Describe(9999).status().code(), absl::StatusCode::kNotFound);
}

TEST_F(SnapshotTest, AFilesystemOfAnotherUserNamespaceIsTold) {
  int channel[2];
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, channel), 0);
  Actor child([&](const Actor::Stage& stage) {
    if (unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) _exit(1);
    if (mount("tmpfs", folder_.c_str(), "tmpfs", 0, nullptr) != 0) _exit(2);
    SendFd(channel[1], open(folder_.c_str(), O_RDONLY));
    stage.Reach();
  });
  if (!child.AwaitReach()) GTEST_SKIP() << "missing: tmpfs in a user namespace";
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  char byte;
  iovec data = {.iov_base = &byte, .iov_len = 1};
  msghdr message = {.msg_iov = &data, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)};
  ASSERT_EQ(recvmsg(channel[0], &message, 0), 1);
  int fd = -1;
  std::memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(fd));
  EXPECT_EQ(kernel_->Describe(fd)->initial_userns, 0u);
  close(fd);
  close(channel[0]);
  close(channel[1]);
}

TEST_F(SnapshotTest, NumbersAreTranslatedThroughTheAskersNamespace) {
  Actor asker([](const Actor::Stage& stage) {
    if (unshare(CLONE_NEWPID) != 0) _exit(1);
    const pid_t first = fork();
    if (first == 0) {  // 1 in the new namespace; its child is 2
      const pid_t second = fork();
      if (second == 0) pause();
      stage.Say(second);
      pause();
    }
    stage.Say(first);
    waitpid(first, nullptr, 0);
  });
  const int one = asker.Hear(), other = asker.Hear();
  const pid_t first = std::max(one, other);  // by its real number
  EXPECT_EQ(std::min(one, other), 2);
  const uint32_t inside = static_cast<uint32_t>(first);
  EXPECT_EQ(kernel_->Translate(inside, 1), inside);
  const std::optional<uint32_t> second = kernel_->Translate(inside, 2);
  ASSERT_TRUE(second);
  EXPECT_EQ(kernel_->Live(*second)->parent_tgid, inside);
  EXPECT_EQ(kernel_->Live(*second)->place & BELFRY_PLACE_PIDNS, BELFRY_PLACE_PIDNS);
  EXPECT_FALSE(kernel_->Translate(inside, 3));
  EXPECT_FALSE(kernel_->Translate(inside, getpid()));
  EXPECT_FALSE(kernel_->Translate(inside, 0));
  EXPECT_FALSE(kernel_->Translate(inside, -5));
  EXPECT_EQ(kernel_->Translate(static_cast<uint32_t>(getpid()), getpid()), static_cast<uint32_t>(getpid()));
  EXPECT_FALSE(kernel_->Translate(static_cast<uint32_t>(getpid()), 4194303));
  EXPECT_FALSE(kernel_->Translate(4194303, 1));
  kill(first, SIGKILL);
  asker.Wait();
}

}  // namespace
}  // namespace belfry::kernel
