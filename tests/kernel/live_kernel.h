// The running kernel, opened for one test: a guarded socket in a folder of its own, and children that do one thing.
// Everything a test makes is gone after it, also when it fails.
#ifndef BELFRY_TESTS_KERNEL_LIVE_KERNEL_H_
#define BELFRY_TESTS_KERNEL_LIVE_KERNEL_H_

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "host/mounts.h"
#include "kernel/bpf_kernel.h"
#include "kit/owned_fd.h"

namespace belfry::kernel {

// A forked child that runs `play`, stops where it calls Reach, and goes on when told. Killed if the test ends early.
class Actor {
 public:
  class Stage {
   public:
    Stage(int up, int down) : up_(up), down_(down) {}
    void Reach() const {
      char c = 'x';
      if (write(up_, &c, 1) != 1 || read(down_, &c, 1) != 1) _exit(97);
    }
    void Say(int number) const {
      if (write(up_, &number, sizeof(number)) != sizeof(number)) _exit(97);
    }
    // Past an exec, for a Stage(up, down) there.
    void KeepAt(int up, int down) const {
      if (dup2(up_, up) != up || dup2(down_, down) != down) _exit(97);
    }

   private:
    int up_, down_;
  };

  explicit Actor(const std::function<void(const Stage&)>& play) {
    int up[2], down[2];
    if (pipe2(up, O_CLOEXEC) != 0 || pipe2(down, O_CLOEXEC) != 0) abort();
    pid_ = fork();
    if (pid_ == 0) {
      close(up[0]);
      close(down[1]);
      play(Stage(up[1], down[0]));
      _exit(0);
    }
    close(up[1]);
    close(down[0]);
    up_ = kit::OwnedFd(up[0]);
    down_ = kit::OwnedFd(down[1]);
  }
  Actor(Actor&& other) noexcept
      : pid_(std::exchange(other.pid_, -1)), up_(std::move(other.up_)), down_(std::move(other.down_)) {}
  ~Actor() {
    if (pid_ <= 0) return;
    kill(pid_, SIGKILL);
    Wait();
  }

  pid_t pid() const { return pid_; }
  bool AwaitReach() {  // false: it ended instead, or its exec closed the pipe
    char c;
    return read(up_.get(), &c, 1) == 1;
  }
  int Hear() {
    int number = -1;
    return read(up_.get(), &number, sizeof(number)) == sizeof(number) ? number : -1;
  }
  void Continue() { (void)!write(down_.get(), "x", 1); }
  int Wait() {
    int status = -1;
    if (pid_ > 0) waitpid(std::exchange(pid_, -1), &status, 0);
    return status;
  }

 private:
  pid_t pid_ = -1;
  kit::OwnedFd up_, down_;
};

class LiveKernel : public testing::Test {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "missing: root";
    char name[] = "/tmp/belfry-kernel-XXXXXX";
    ASSERT_NE(mkdtemp(name), nullptr);
    folder_ = name;
    chmod(name, 0755);
    Load();
    ASSERT_TRUE(kernel_);
    guarded_ = folder_ + "/guarded.sock";
    listener_ = Listen(guarded_);
    ASSERT_TRUE(listener_);
    Guard({{7, guarded_}});
  }
  void TearDown() override {
    if (LoadsAnew() || HasFailure() || kernel_ == nullptr)
      kernel_.reset();
    else
      KeepForTheNext();
    std::error_code error;
    if (!folder_.empty()) std::filesystem::remove_all(folder_, error);
  }
  static void TearDownTestSuite() { Kept().reset(); }

  virtual BpfOptions Options() {
    BpfOptions options;
    options.pin = false;
    options.reference = BpfOptions::Reference::kSelf;
    options.max_connections = 8192;
    return options;
  }
  // A test of what a load makes, or of what a kernel part cannot be made to forget.
  virtual bool LoadsAnew() { return false; }

  void Load() {
    if ((kernel_ = std::move(Kept())) != nullptr) {
      counted_before_ = kernel_->Counters();
      return;
    }
    absl::StatusOr<Opened> opened = OpenKernel(Options());
    ASSERT_TRUE(opened.ok()) << opened.status();
    kernel_ = std::move(opened->kernel);
  }
  // One load for all tests of a suite: under emulation it takes longer than the test.
  void KeepForTheNext() {
    EXPECT_TRUE(kernel_->SetGuardedNames({}).ok() && kernel_->SetGuardedPorts({}).ok() && kernel_->SetOwnAddresses({}).ok());
    EXPECT_TRUE(kernel_->SetOrders({}).ok() && kernel_->SetServers({}).ok() && kernel_->SetRuleSettings({}).ok());
    const auto connections = kernel_->AllConnections();
    EXPECT_TRUE(connections.ok()) << connections.status();
    for (const ConnectionEntry& one : connections.value_or(std::vector<ConnectionEntry>()))
      EXPECT_TRUE(kernel_->Forget(one.cookie).ok());
    EXPECT_TRUE(kernel_->Drain([](std::span<const std::byte>) {}).ok());
    Kept() = std::move(kernel_);
  }
  static std::unique_ptr<Kernel>& Kept() {
    static std::unique_ptr<Kernel> kept;
    return kept;
  }

  // The filesystem's number by the kernel's word.
  uint32_t Dev() {
    kit::OwnedFd fd(open(folder_.c_str(), O_RDONLY | O_CLOEXEC));
    absl::StatusOr<belfry_described_file> file = kernel_->Describe(fd.get());
    EXPECT_TRUE(file.ok()) << file.status();
    return file.ok() ? file->id.dev : 0;
  }
  void Guard(const std::vector<std::pair<uint32_t, std::string>>& sockets) {
    std::vector<GuardedName> names;
    const uint32_t dev = Dev();
    for (const auto& [guard, path] : sockets) {
      // Within its filesystem, which differs from the path where the root or /tmp is a bind mount or a subvolume.
      absl::StatusOr<host::NamePlace> place = host::PlaceOf(path);
      ASSERT_TRUE(place.ok()) << place.status();
      names.push_back({.guard = guard, .socket = 0, .dev = dev, .path = place->NameInside()});
    }
    ASSERT_TRUE(kernel_->SetGuardedNames(names).ok());
  }

  static sockaddr_un Address(const std::string& path) {
    sockaddr_un address = {};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path.c_str(), sizeof(address.sun_path) - 1);
    return address;
  }
  static kit::OwnedFd Listen(const std::string& path) {
    kit::OwnedFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const sockaddr_un address = Address(path);
    if (bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) return {};
    chmod(path.c_str(), 0777);
    if (listen(fd.get(), 1024) != 0) return {};
    return fd;
  }
  static int ConnectFd(int fd, const std::string& path) {
    const sockaddr_un address = Address(path);
    return connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0 ? 0 : errno;
  }
  static kit::OwnedFd Connect(const std::string& path) {
    kit::OwnedFd fd(socket(AF_UNIX, SOCK_STREAM, 0));
    if (ConnectFd(fd.get(), path) != 0) return {};
    return fd;
  }
  // The kernel's; where it lends programs none (before 5.12), theirs, as they say it of this descriptor.
  uint64_t CookieOf(int fd) {
    uint64_t cookie = 0;
    socklen_t size = sizeof(cookie);
    getsockopt(fd, SOL_SOCKET, 57 /* SO_COOKIE */, &cookie, &size);
    const auto programs = kernel_->Counters();
    if (std::none_of(programs.begin(), programs.end(), [](const ProgramCounters& one) { return one.name == "socket_gone"; }))
      return cookie;
    const auto slots = kernel_->Sockets(static_cast<uint32_t>(getpid()));
    EXPECT_TRUE(slots.ok()) << slots.status();
    for (const belfry_socket& slot : *slots)
      if (slot.fd == static_cast<uint32_t>(fd)) return slot.cookie;
    return 0;
  }

  std::vector<ConnectionEntry> ConnectionsOf(uint32_t tgid) {
    absl::StatusOr<std::vector<ConnectionEntry>> entries = kernel_->ConnectionsOf(tgid);
    EXPECT_TRUE(entries.ok()) << entries.status();
    return entries.ok() ? *std::move(entries) : std::vector<ConnectionEntry>();
  }
  // The backend without hooks sees a connect in two steps; one with them in one.
  bool InTwoSteps() const { return kernel_->BackendName() == "cgroup"; }
  // The program that writes the record.
  std::string Recorder() const {
    return InTwoSteps() ? "connect_ready" : kernel_->BackendName() == "bpf_lsm" ? "pin_lsm" : "pin_mod";
  }
  std::string SecondLook() const {
    return InTwoSteps() ? "connect_peercred" : kernel_->BackendName() == "bpf_lsm" ? "peercred_lsm" : "peercred_mod";
  }
  // Since this test began.
  std::vector<ProgramCounters> Counters() {
    using C = ProgramCounters;
    std::vector<C> all = kernel_->Counters();
    for (size_t i = 0; i < counted_before_.size(); ++i)
      for (auto field : {&C::seen, &C::sent, &C::ignored, &C::lost_ring, &C::lost_map, &C::refused, &C::missed})
        all[i].*field -= counted_before_[i].*field;
    return all;
  }
  ProgramCounters CountersOf(const std::string& program) {
    for (ProgramCounters& counters : Counters()) {
      if (counters.name == program) return counters;
    }
    ADD_FAILURE() << "no counters of " << program;
    return {};
  }
  // Events of one kind, oldest first; the others of this drain are dropped.
  template <typename Event>
  std::vector<Event> Drain(uint32_t kind) {
    std::vector<Event> events;
    EXPECT_TRUE(kernel_
                    ->Drain([&](std::span<const std::byte> record) {
                      belfry_header header;
                      std::memcpy(&header, record.data(), sizeof(header));
                      EXPECT_EQ(header.size, record.size());
                      if (header.kind != kind) return;
                      Event& event = events.emplace_back();
                      std::memcpy(&event, record.data(), sizeof(event));
                    })
                    .ok());
    return events;
  }
  // Until the kernel has a record of this exec; the clock only keeps a broken program from hanging the test.
  belfry_process AwaitExec(uint32_t tgid, uint64_t exec_id_before) {
    const time_t deadline = time(nullptr) + 20;
    while (time(nullptr) < deadline) {
      const std::optional<belfry_process> process = kernel_->Process(tgid);
      if (process && process->pin.exec_id > exec_id_before) return *process;
      if (!process && absl::IsNotFound(kernel_->Live(tgid).status())) {
        ADD_FAILURE() << "process " << tgid << " is gone";
        return {};
      }
      sched_yield();
    }
    ADD_FAILURE() << "process " << tgid << " has no record of its exec";
    return {};
  }

  std::string folder_, guarded_;
  std::unique_ptr<Kernel> kernel_;
  std::vector<ProgramCounters> counted_before_;  // none: loaded for this test
  kit::OwnedFd listener_;
};

// Whose programs and maps outlive it, until the test ends.
class PinnedKernel : public LiveKernel {
 protected:
  BpfOptions Options() override {
    BpfOptions options = LiveKernel::Options();
    options.pin = true;
    options.bpffs = folder_ + "/bpf";
    return options;
  }
  bool LoadsAnew() override { return true; }
  void TearDown() override {
    kernel_.reset();
    if (!folder_.empty()) {
      EXPECT_TRUE(RemovePins(folder_ + "/bpf").ok());
      umount2((folder_ + "/bpf").c_str(), MNT_DETACH);
    }
    LiveKernel::TearDown();
  }
  bool Reopen() {
    kernel_.reset();
    absl::StatusOr<Opened> opened = OpenKernel(Options());
    EXPECT_TRUE(opened.ok()) << opened.status();
    if (!opened.ok()) return false;
    kernel_ = std::move(opened->kernel);
    return opened->adopted;
  }
};

}  // namespace belfry::kernel

#endif  // BELFRY_TESTS_KERNEL_LIVE_KERNEL_H_
