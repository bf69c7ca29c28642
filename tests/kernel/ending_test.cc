// An opener that ends: what it leaves to nobody is refused to its server without a word.
#include <sys/mman.h>
#include <sys/syscall.h>

#include <fstream>
#include <thread>

#include "kernel/live_use.h"

namespace belfry::kernel {
namespace {

// To end takes a process with much memory long, and its descriptors are closed after that.
class EndingTest : public UseTest {
 protected:
  // In the opener: a stream and much memory.
  void Burden() {
    constexpr size_t kMuch = 256 << 20;
    char* memory = static_cast<char*>(mmap(nullptr, kMuch, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    if (Stream(guarded_) < 0 || memory == MAP_FAILED || madvise(memory, kMuch, MADV_NOHUGEPAGE) != 0) _exit(96);
    for (size_t at = 0; at < kMuch; at += 4096) memory[at] = 1;
  }
  static bool HasEnded(pid_t thread) {
    std::ifstream stat("/proc/self/task/" + std::to_string(thread) + "/stat");
    std::string line;
    std::getline(stat, line);
    return line.find(") Z ") != std::string::npos;
  }
  uint64_t Ignored() { return CountersOf(kernel_->BackendName() == "bpf_lsm" ? "send_lsm" : "send_mod").ignored; }
  // The server answers all the while: it is refused, and nothing is told.
  void ExpectSilence(Actor& actor) {
    ASSERT_TRUE(actor.AwaitReach());
    Serve(listener_.get());
    Drain<belfry_event_connect>(BELFRY_KIND_CONNECT);
    const uint64_t before = Ignored();
    const std::vector<ConnectionEntry> connections = ConnectionsOf(static_cast<uint32_t>(actor.pid()));
    ASSERT_EQ(connections.size(), 1u);
    EXPECT_FALSE(connections[0].closing);
    actor.Continue();
    int error = 0;
    for (const time_t deadline = time(nullptr) + 60; error != EPIPE && time(nullptr) < deadline;) error = Answer();
    EXPECT_EQ(error, EPIPE);
    const auto then = kernel_->Examine(connections[0].cookie);
    EXPECT_TRUE(!then || then->closing || !then->client_open);
    EXPECT_GT(Ignored(), before) << "it was not met while it ended: nothing is shown";
    EXPECT_EQ(TaintsOf(static_cast<uint32_t>(actor.pid())) & kFallen, 0u);
    EXPECT_EQ(Told(), 0u);
  }
  // Of refusals and taints.
  size_t Told() {
    size_t told = 0;
    EXPECT_TRUE(kernel_->Drain([&](std::span<const std::byte> record) {
      belfry_header header;
      memcpy(&header, record.data(), sizeof header);
      told += header.kind == BELFRY_KIND_REFUSED || header.kind == BELFRY_KIND_TAINT;
    }).ok());
    return told;
  }
};

TEST_F(EndingTest, WhoLeavesItsEndToNobodyIsNotToldOf) {
  Actor actor([&](const Actor::Stage& stage) {
    Burden();
    stage.Reach();
    _exit(0);
  });
  ExpectSilence(actor);
}

// As threads of a process that is told to end may be done in any order.
TEST_F(EndingTest, NorWhoseFirstThreadWasDoneBefore) {
  Actor actor([&](const Actor::Stage& stage) {
    Burden();
    std::thread([&stage, leader = gettid()] {
      while (!HasEnded(leader)) sched_yield();
      stage.Reach();
      _exit(0);
    }).detach();
    syscall(SYS_exit, 0);
  });
  ExpectSilence(actor);
}

TEST_F(EndingTest, NorWhoClosedAndIsGone) {
  Actor actor([&](const Actor::Stage& stage) {
    if (Stream(guarded_) < 0) _exit(96);
    stage.Reach();
  });
  ASSERT_TRUE(actor.AwaitReach());
  Serve(listener_.get());
  actor.Continue();
  ASSERT_EQ(actor.Wait(), 0);
  const uint64_t before = Ignored();
  EXPECT_EQ(Answer(), EPIPE);
  EXPECT_EQ(Ignored(), before + 1);
  EXPECT_EQ(Told(), 0u);
}

}  // namespace
}  // namespace belfry::kernel
