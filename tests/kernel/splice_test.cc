// What refuse_splice adds to use_test: strangers are refused what is only seen without it, and nobody else is.
#include <fcntl.h>

#include <algorithm>

#include "kernel/live_use.h"

namespace belfry::kernel {
namespace {

class SpliceTest : public UseTest {
 protected:
  BpfOptions Options() override {
    BpfOptions options = UseTest::Options();
    options.refuse_splice = true;
    return options;
  }
  void ExpectAllRefused(Actor& actor) {
    for (const UseOp& op : kUseOps) EXPECT_EQ(actor.Hear(), EACCES) << op.name;
  }
  // Its opener executes something else, and then an accomplice plays.
  Actor Fallen(const std::function<void(const Actor::Stage&, int fd)>& play) {
    return Opener([&](const Actor::Stage& stage, int fd) {
      const Fall fall;
      if (fork() == 0) {
        fall.Await();
        play(stage, fd);
        _exit(0);
      }
      execl("/bin/sleep", "sleep", "1000", nullptr);
    });
  }
  uint64_t RefusedByFile() {
    for (const ProgramCounters& one : Counters())
      if (one.name.starts_with("file_")) return one.refused;
    ADD_FAILURE() << "no program looks at reads and writes";
    return 0;
  }
};

TEST_F(SpliceTest, TheOpenerMayDoEverything) {
  Actor actor = Opener(SayAll);
  ASSERT_TRUE(actor.AwaitReach());
  Serve(listener_.get());
  actor.Continue();
  ExpectAllowed(actor);
  EXPECT_EQ(TaintsOf(static_cast<uint32_t>(actor.pid())), 0u);
  EXPECT_EQ(RefusedByFile(), 0u);
}

TEST_F(SpliceTest, AForkedChildMayNothingAtAll) {
  Actor actor = WithChild(guarded_, SayAll);
  ASSERT_TRUE(actor.AwaitReach());
  Serve(listener_.get());
  actor.Continue();
  ExpectAllRefused(actor);
  EXPECT_EQ(TaintsOf(static_cast<uint32_t>(actor.pid())), 0u) << "what was refused did not happen";
  EXPECT_GE(RefusedByFile(), 2u);
}

// What lay in the queue when the opener fell is the one thing that the server's end cannot hold back.
TEST_F(SpliceTest, WhatWasQueuedForAnOpenerThatFellStaysThere) {
  Actor actor = Fallen(SayAll);
  ASSERT_TRUE(actor.AwaitReach());
  Serve(listener_.get());
  actor.Continue();
  ExpectAllRefused(actor);
}

TEST_F(SpliceTest, NothingIsSentToAnOpenerThatFellBySendfileEither) {
  Actor actor = Fallen([](const Actor::Stage& stage, int) { stage.Reach(); });
  ASSERT_TRUE(actor.AwaitReach());
  Serve(listener_.get());
  EXPECT_EQ(SendFile(server_.get()), 0);
  actor.Continue();
  ASSERT_TRUE(actor.AwaitReach());
  EXPECT_EQ(SendFile(server_.get()), EPIPE);
  EXPECT_EQ(SpliceOut(server_.get()), EPIPE);
}

TEST_F(SpliceTest, WhereNothingIsRefusedItIsATaint) {
  Order(BELFRY_MODE_OBSERVE);
  Actor actor = WithChild(guarded_, [](const Actor::Stage& stage, int fd) { stage.Say(SpliceIn(fd)); });
  ASSERT_TRUE(actor.AwaitReach());
  Serve(listener_.get());
  actor.Continue();
  EXPECT_EQ(actor.Hear(), 0);
  EXPECT_EQ(TaintsOf(static_cast<uint32_t>(actor.pid())), 1u << BELFRY_TAINT_FOREIGN_RECEIVER);
}

TEST_F(SpliceTest, OtherSocketsFilesAndPipesAreNobodysBusiness) {
  const std::string other = folder_ + "/other.sock", file = folder_ + "/file";
  const kit::OwnedFd listener = Listen(other);
  Actor actor = WithChild(other, SayAll);
  ASSERT_TRUE(actor.AwaitReach());
  Serve(listener.get());
  actor.Continue();
  ExpectAllowed(actor);
  const kit::OwnedFd plain(open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  EXPECT_EQ(SpliceOut(plain.get()), 0);
  char byte = 0;
  EXPECT_EQ(pread(plain.get(), &byte, 1, 0), 1);
  for (const ProgramCounters& program : Counters()) EXPECT_EQ(program.refused, 0u) << program.name;
}

// A daemon after another that was asked for less, or for more: no gap, and nothing stays that nobody asked for.
class SwitchedSplice : public PinnedKernel {
 protected:
  BpfOptions Options() override {
    BpfOptions options = PinnedKernel::Options();
    options.refuse_splice = refuse_splice_;
    return options;
  }
  bool Attached() {
    const auto programs = kernel_->Counters();
    return std::any_of(programs.begin(), programs.end(), [](const auto& one) { return one.name.starts_with("file_") && one.attached; });
  }
  int PinnedFileLinks() {
    int links = 0;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder_ + "/bpf"))
      links += entry.path().filename().string().starts_with("link_file_");
    return links;
  }
  bool refuse_splice_ = false;
};

TEST_F(SwitchedSplice, WithARestartAndWithoutAGap) {
  if (!kernel_->RefusesUse()) GTEST_SKIP() << "missing: a backend that refuses (bpf_lsm or fmod_ret), not " << kernel_->BackendName();
  EXPECT_FALSE(Attached());
  for (const bool on : {true, true, false, false, true}) {
    refuse_splice_ = on;
    EXPECT_TRUE(Reopen());
    EXPECT_EQ(Attached(), on);
    EXPECT_EQ(PinnedFileLinks(), on ? 1 : 0);
    for (const ProgramCounters& program : kernel_->Counters()) EXPECT_TRUE(program.attached) << program.name;
  }
}

// Killed between the first link and the mark, which is still that of the daemon before.
TEST_F(SwitchedSplice, OneThatDidNotGetSoFarIsReplaced) {
  std::string layout;
  for (const auto& entry : std::filesystem::directory_iterator(folder_ + "/bpf"))
    if (entry.path().filename().string().starts_with("belfry-")) layout = entry.path();
  const std::string unfinished = layout + "/object-unfinished";
  ASSERT_EQ(mkdir(unfinished.c_str(), 0700), 0);
  EXPECT_TRUE(Reopen()) << "what it left goes on until it is replaced";
  EXPECT_FALSE(std::filesystem::exists(unfinished));
  EXPECT_TRUE(Reopen());
}

}  // namespace
}  // namespace belfry::kernel
