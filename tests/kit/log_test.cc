#include "kit/log.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>
#include <thread>
#include <vector>

#include "kit/owned_fd.h"

namespace belfry::kit {
namespace {

class LogTest : public testing::Test {
 protected:
  LogTest() {
    int ends[2];
    EXPECT_EQ(pipe2(ends, O_CLOEXEC), 0);
    read_end_ = OwnedFd(ends[0]);
    write_end_ = OwnedFd(ends[1]);
  }
  // Everything written so far; closes the writer's end.
  std::string Written() {
    write_end_.Reset();
    std::string out;
    char chunk[65536];
    for (ssize_t got; (got = read(read_end_.get(), chunk, sizeof chunk)) > 0;) out.append(chunk, got);
    return out;
  }

  OwnedFd read_end_, write_end_;
};

TEST_F(LogTest, OneCallIsOneLine) {
  const Log log(write_end_.get());
  log.Info("started");
  log.Warning("two\nlines\r\x1b[2J");
  EXPECT_EQ(Written(), "started\ntwo lines  [2J\n");
}

TEST_F(LogTest, DropsWhatIsTooVerbose) {
  const Log log(write_end_.get(), Level::kWarning);
  log.Debug("debug");
  log.Info("info");
  log.Notice("notice");
  log.Warning("warning");
  log.Error("error");
  EXPECT_EQ(Written(), "warning\nerror\n");
}

TEST_F(LogTest, PrefixesLevelsOnlyForTheJournal) {
  const Log log(write_end_.get(), Level::kDebug, true);
  log.Error("e");
  log.Warning("w");
  log.Notice("n");
  log.Info("i");
  log.Debug("d");
  EXPECT_EQ(Written(), "<3>e\n<4>w\n<5>n\n<6>i\n<7>d\n");
}

TEST_F(LogTest, ALineIsCutToWhatAPipeTakesInOnePiece) {
  const Log log(write_end_.get(), Level::kInfo, true);
  log.Info(std::string(2 * kLogLineBytes, 'x'));
  const std::string line = Written();
  EXPECT_EQ(line.size(), kLogLineBytes);
  EXPECT_EQ(line.substr(line.size() - 4), "...\n");
}

TEST_F(LogTest, LinesOfThreadsDoNotInterleave) {
  const Log log(write_end_.get());
  std::vector<std::thread> threads;
  for (const char c : {'a', 'b', 'c', 'd'}) {
    threads.emplace_back([&log, c] {
      for (int i = 0; i < 4; ++i) log.Info(std::string(1000, c));
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::string all = Written();
  size_t lines = 0;
  for (size_t at = 0; at < all.size(); at += 1001, ++lines) {
    EXPECT_EQ(all.substr(at, 1001), std::string(1000, all[at]) + "\n");
  }
  EXPECT_EQ(lines, 16u);
}

TEST_F(LogTest, AWriterThatFailsIsCounted) {
  const OwnedFd full(open("/dev/full", O_WRONLY | O_CLOEXEC));
  const Log log(full.get());
  log.Info("lost");
  EXPECT_EQ(log.lost(), 1u);
}

TEST_F(LogTest, TheJournalIsRecognisedByItsStream) {
  struct stat at {};
  ASSERT_EQ(fstat(write_end_.get(), &at), 0);
  const std::string ours = std::to_string(at.st_dev) + ":" + std::to_string(at.st_ino);
  EXPECT_TRUE(IsJournalStream(write_end_.get(), ours.c_str()));
  EXPECT_FALSE(IsJournalStream(write_end_.get(), nullptr));
  EXPECT_FALSE(IsJournalStream(write_end_.get(), ""));
  EXPECT_FALSE(IsJournalStream(write_end_.get(), (ours + "1").c_str()));  // inherited by a child whose stderr moved
  EXPECT_FALSE(IsJournalStream(-1, ours.c_str()));
}

}  // namespace
}  // namespace belfry::kit
