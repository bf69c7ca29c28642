// The cutter cuts exactly the socket that it was named, in another process, and nothing else.
#include "effect/cutter.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <optional>

#include "kit/owned_fd.h"

namespace belfry::effect {
namespace {

// Another process that holds `fd` until the test is over.
class Holder {
 public:
  Holder() : pid_(fork()) {
    if (pid_ == 0) {
      pause();
      _exit(0);
    }
  }
  ~Holder() {
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
  uint32_t tgid() const { return static_cast<uint32_t>(pid_); }

 private:
  const pid_t pid_;
};

uint64_t InodeOf(int fd) {
  struct stat status {};
  EXPECT_EQ(fstat(fd, &status), 0);
  return status.st_ino;
}

bool HasEnded(int fd) {
  char byte;
  return recv(fd, &byte, 1, MSG_DONTWAIT | MSG_PEEK) == 0;
}

class CutterTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "not root: CAP_SYS_PTRACE is missing";
    auto started = StartCutter();
    ASSERT_TRUE(started.ok()) << started.status();
    cutter_ = *std::move(started);
    int ends[2];
    ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    server_ = kit::OwnedFd(ends[0]);
    client_ = kit::OwnedFd(ends[1]);
    holder_.emplace();
  }
  absl::Status Cut(const ServerEnd& end) {
    std::optional<absl::Status> result;
    cutter_->Cut(end, [&](const absl::Status& status) { result = status; });
    pollfd answer{.fd = cutter_->Fd(), .events = POLLIN};
    EXPECT_EQ(poll(&answer, 1, 10000), 1);
    cutter_->Ready();
    return result.value_or(absl::UnknownError("no answer"));
  }

  std::unique_ptr<Cutter> cutter_;
  kit::OwnedFd server_, client_;
  std::optional<Holder> holder_;
};

TEST_F(CutterTest, TheClientReadsTheEnd) {
  EXPECT_FALSE(HasEnded(client_.get()));
  EXPECT_TRUE(Cut({.tgid = holder_->tgid(), .fd = server_.get(), .sock_inode = InodeOf(server_.get())}).ok());
  EXPECT_TRUE(HasEnded(client_.get()));
}

TEST_F(CutterTest, ADescriptorThatIsAnotherSocketNowIsLeftAlone) {
  EXPECT_TRUE(absl::IsNotFound(Cut({.tgid = holder_->tgid(), .fd = server_.get(), .sock_inode = 1})));
  EXPECT_FALSE(HasEnded(client_.get()));
}

TEST_F(CutterTest, AListenerIsNeverShutDown) {
  const kit::OwnedFd listener(socket(AF_UNIX, SOCK_STREAM, 0));
  sockaddr address{.sa_family = AF_UNIX};
  ASSERT_EQ(bind(listener.get(), &address, sizeof address.sa_family), 0);  // any abstract name
  ASSERT_EQ(listen(listener.get(), 1), 0);
  const Holder holder;
  EXPECT_TRUE(absl::IsNotFound(Cut({.tgid = holder.tgid(), .fd = listener.get(), .sock_inode = InodeOf(listener.get())})));
}

TEST_F(CutterTest, AProcessThatIsGoneIsNotFound) {
  const uint32_t tgid = holder_->tgid();
  holder_.reset();
  EXPECT_TRUE(absl::IsNotFound(Cut({.tgid = tgid, .fd = server_.get(), .sock_inode = InodeOf(server_.get())})));
}

TEST_F(CutterTest, EveryQuestionIsAnsweredWhenItEnds) {
  std::optional<absl::Status> result;
  cutter_->Cut({.tgid = holder_->tgid(), .fd = -1, .sock_inode = 1}, [&](const absl::Status& s) { result = s; });
  cutter_.reset();
  ASSERT_TRUE(result.has_value());
  EXPECT_FALSE(result->ok());
}

}  // namespace
}  // namespace belfry::effect
