// A guarded stream on a kernel that refuses, the test its server: what whoever has the other end is let do with it.
#ifndef BELFRY_TESTS_KERNEL_LIVE_USE_H_
#define BELFRY_TESTS_KERNEL_LIVE_USE_H_

#include <algorithm>
#include <string>

#include "kernel/live_kernel.h"
#include "kernel/use_ops.h"

namespace belfry::kernel {

inline constexpr uint32_t kFallen = 1u << BELFRY_TAINT_EXEC_AFTER_CONNECT | 1u << BELFRY_TAINT_OPENER_EXITED;

class UseTest : public LiveKernel {
 protected:
  static constexpr uint32_t kGuard = 7;

  void SetUp() override {
    LiveKernel::SetUp();
    if (HasFatalFailure() || IsSkipped()) return;
    if (!kernel_->RefusesUse()) GTEST_SKIP() << "missing: a backend that refuses (bpf_lsm or fmod_ret), not " << kernel_->BackendName();
    Order(BELFRY_MODE_DENY);
  }

  void Order(uint32_t mode, uint32_t flags = 0, uint64_t loss_ns = 0) {
    GuardOrders orders{.guard = kGuard};
    orders.orders = {.mode = mode, .flags = flags, .withhold = kFallen, .pad = 0, .loss_ns = loss_ns};
    ASSERT_TRUE(kernel_->SetOrders({&orders, 1}).ok());
  }

  // A stream to `path`, with enough to read for every op. `server_` is its other end.
  int Stream(const std::string& path) {
    const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    return ConnectFd(fd, path) == 0 ? fd : -1;
  }
  void Serve(int listener) {
    server_ = kit::OwnedFd(accept4(listener, nullptr, nullptr, SOCK_CLOEXEC));
    ASSERT_TRUE(server_);
    const std::string bytes(4096, 'y');
    ASSERT_EQ(send(server_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL), static_cast<ssize_t>(bytes.size()));
  }
  // An accomplice waits until its maker has exec'd or exited: a descriptor that closes then tells. Made before the fork.
  class Fall {
   public:
    Fall() {
      if (pipe2(ends_, O_CLOEXEC) != 0) _exit(97);
    }
    void Await() const {
      char c;
      close(ends_[1]);
      if (read(ends_[0], &c, 1) != 0) _exit(97);
    }

   private:
    int ends_[2];
  };
  static void SayAll(const Actor::Stage& stage, int fd) {
    for (const UseOp& op : kUseOps) stage.Say(op.run(fd));
  }
  // Opens a stream, reaches, and plays on it itself.
  Actor Opener(const std::function<void(const Actor::Stage&, int fd)>& play) {
    return Actor([&](const Actor::Stage& stage) {
      const int fd = Stream(guarded_);
      stage.Reach();
      play(stage, fd);
    });
  }
  // Opens a stream, reaches, and then a forked child plays on it while the opener waits.
  Actor WithChild(const std::string& path, const std::function<void(const Actor::Stage&, int fd)>& play) {
    return Actor([&](const Actor::Stage& stage) {
      const int fd = Stream(path);
      stage.Reach();
      if (fork() == 0) {
        play(stage, fd);
        _exit(0);
      }
      pause();
    });
  }
  // Before 6.5 the pages that splice and sendfile bring pass by every hook that refuses, but for file_permission.
  bool IsSeenOnly(const UseOp& op) {
    const auto programs = kernel_->Counters();
    const auto attached = [&](const std::string& beginning) {
      return std::any_of(programs.begin(), programs.end(), [&](const auto& one) { return one.name.starts_with(beginning); });
    };
    return op.seen_by != nullptr && attached(op.seen_by) && !attached("file_");
  }
  uint32_t TaintsOfSeenOps() {
    uint32_t taints = 0;
    for (const UseOp& op : kUseOps) taints |= IsSeenOnly(op) ? op.makes : 0;
    return taints;
  }
  void ExpectRefused(Actor& actor) {
    for (const UseOp& op : kUseOps) {
      const int error = actor.Hear();
      EXPECT_TRUE(IsSeenOnly(op) || error == EACCES) << op.name << ": " << strerror(error);
    }
  }
  void ExpectAllowed(Actor& actor) {
    for (const UseOp& op : kUseOps) EXPECT_EQ(actor.Hear(), 0) << op.name;
  }
  uint32_t TaintsOf(uint32_t tgid) {
    const auto entries = ConnectionsOf(tgid);
    return entries.size() == 1 ? entries[0].record.taints : ~0u;
  }
  int Answer() { return ErrorOf(send(server_.get(), "x", 1, MSG_NOSIGNAL | MSG_DONTWAIT)); }

  kit::OwnedFd server_;
};

}  // namespace belfry::kernel

#endif  // BELFRY_TESTS_KERNEL_LIVE_USE_H_
