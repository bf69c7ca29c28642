#include "host/process_files.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <string>

#include "kit/read_file.h"
#include "support/temporary_folder.h"

namespace belfry::host {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr const char* kStatus =
    "Name:\ta\\nUid:\t0\t0\t0\t0\n"
    "Umask:\t0022\n"
    "State:\tS (sleeping)\n"
    "Tgid:\t17\n"
    "Ngid:\t0\n"
    "Pid:\t17\n"
    "PPid:\t4\n"
    "TracerPid:\t9\n"
    "Uid:\t1000\t1001\t1002\t1003\n"
    "Gid:\t2000\t2001\t2002\t2003\n"
    "FDSize:\t64\n"
    "Groups:\t27 5 27 4294967294 \n"
    "NStgid:\t17\t3\n"
    "NSpid:\t17\t3\n";

TEST(ParseProcessStatus, TakesTheEffectiveIdsAndTheFilesOrder) {
  const ProcessStatus status = ParseProcessStatus(kStatus).value();
  EXPECT_EQ(status.state, 'S');
  EXPECT_EQ(status.tgid, 17);
  EXPECT_EQ(status.parent, 4);
  EXPECT_EQ(status.tracer, 9);
  EXPECT_EQ(status.uid, 1001u);
  EXPECT_EQ(status.gid, 2001u);
  EXPECT_THAT(status.supplementary_gids, ElementsAre(27u, 5u, 27u, 4294967294u));
  EXPECT_THAT(status.pids, ElementsAre(17, 3));
}

TEST(ParseProcessStatus, RefusesWhatIsNotWhole) {
  const std::string good = "Uid:\t1\t1\t1\t1\nGid:\t1\t1\t1\t1\n";
  EXPECT_TRUE(ParseProcessStatus(good).ok());
  EXPECT_THAT(ParseProcessStatus(good + "Groups:\t\n")->supplementary_gids, IsEmpty());
  for (const std::string& bad : {
           std::string(),
           std::string("Uid:\t1\t1\t1\t1\n"),
           std::string("Gid:\t1\t1\t1\t1\n"),
           std::string("Uid:\t1\t1\nGid:\t1\t1\t1\t1\n"),
           std::string("Uid:\t1\tx\t1\t1\nGid:\t1\t1\t1\t1\n"),
           std::string("Uid:\t1\t-1\t1\t1\nGid:\t1\t1\t1\t1\n"),
           good + "Groups:\t1 x\n",
           good + "Tgid:\t\n",
           std::string("Uid:\t1\t4294967296\t1\t1\nGid:\t1\t1\t1\t1\n"),
       }) {
    EXPECT_EQ(ParseProcessStatus(bad).status().code(), absl::StatusCode::kInvalidArgument) << bad;
  }
}

TEST(ParseStartTicks, IsNotFooledByTheName) {
  const std::string rest = " S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 4711 20 21\n";
  EXPECT_EQ(ParseStartTicks("17 (sh)" + rest).value(), 4711u);
  EXPECT_EQ(ParseStartTicks("17 (a) S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 666 ()" + rest).value(), 4711u);
  EXPECT_EQ(ParseStartTicks("17 (new\nline)" + rest).value(), 4711u);
  for (const char* bad :
       {"", "17", "17 (sh)", "17 (sh) S 1 2", "17 (sh) S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 x"}) {
    EXPECT_FALSE(ParseStartTicks(bad).ok()) << bad;
  }
}

TEST(ProcessFiles, ReadsOurselves) {
  const ProcessFiles self = ProcessFiles::Open(getpid()).value();
  const ProcessStatus status = self.Status().value();
  EXPECT_EQ(status.tgid, getpid());
  EXPECT_EQ(status.parent, getppid());
  EXPECT_EQ(status.uid, geteuid());
  EXPECT_EQ(status.gid, getegid());
  EXPECT_GT(self.StartTicks().value(), 0u);
  EXPECT_EQ(PathOf(self.OpenExePath()->get()).value(), std::filesystem::read_symlink("/proc/self/exe").string());
  EXPECT_EQ(kit::ReadFd(self.OpenExe()->get(), 1 << 30, "ourselves")->substr(1, 3), "ELF");
  EXPECT_FALSE(self.CommandLine()->empty());
  EXPECT_EQ(self.CommandLine(3)->front().size(), 3u);
}

TEST(ProcessFiles, NumbersThatNameNobodyAreNotFound) {
  for (const int64_t pid : {int64_t{0}, int64_t{-1}, int64_t{1} << 40, INT64_MIN}) {
    EXPECT_EQ(ProcessFiles::Open(pid).status().code(), absl::StatusCode::kNotFound) << pid;
  }
}

// A child that runs `path` until its standard input is closed.
class Child {
 public:
  explicit Child(const std::string& path) {
    int started[2], until[2];
    EXPECT_EQ(pipe2(started, O_CLOEXEC), 0);
    EXPECT_EQ(pipe2(until, O_CLOEXEC), 0);
    pid_ = fork();
    if (pid_ == 0) {
      dup2(until[0], 0);
      execl(path.c_str(), path.c_str(), nullptr);
      _exit(1);
    }
    close(started[1]);
    close(until[0]);
    until_ = kit::OwnedFd(until[1]);
    char ended;  // the close-on-exec end goes away at the exec: then the image is the new one
    EXPECT_EQ(read(started[0], &ended, 1), 0);
    close(started[0]);
  }
  ~Child() { End(); }
  void End() {
    until_.Reset();
    if (pid_ > 0) waitpid(pid_, nullptr, 0);
    pid_ = -1;
  }
  int64_t pid() const { return pid_; }

 private:
  pid_t pid_ = -1;
  kit::OwnedFd until_;
};

TEST(ProcessFiles, ADeletedExecutableKeepsTheKernelsMark) {
  const support::TemporaryFolder folder;
  const std::string program = folder / "cat with a space";
  std::filesystem::copy_file("/bin/cat", program);
  Child child(program);
  const ProcessFiles files = ProcessFiles::Open(child.pid()).value();
  EXPECT_EQ(PathOf(files.OpenExePath()->get()).value(), program);
  EXPECT_THAT(files.CommandLine().value(), ElementsAre(program));
  std::filesystem::remove(program);
  EXPECT_EQ(PathOf(files.OpenExePath()->get()).value(), program + " (deleted)");
}

TEST(ProcessFiles, AnEndedProcessIsNotFoundAndNeverItsSuccessor) {
  Child child("/bin/cat");
  const ProcessFiles files = ProcessFiles::Open(child.pid()).value();
  ASSERT_TRUE(files.Status().ok());
  child.End();
  EXPECT_EQ(files.Status().status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(files.StartTicks().status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(files.OpenExePath().status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(files.OpenExe().status().code(), absl::StatusCode::kNotFound);
}

TEST(ProcRoot, IsHostProcIfSetAndNotEmpty) {
  const char* before = getenv("HOST_PROC");
  const std::string kept = before != nullptr ? before : "";
  unsetenv("HOST_PROC");
  EXPECT_EQ(ProcRoot(), "/proc");
  setenv("HOST_PROC", "", 1);
  EXPECT_EQ(ProcRoot(), "/proc");
  const support::TemporaryFolder folder;
  folder.Write("17/status", kStatus);
  setenv("HOST_PROC", folder.path().c_str(), 1);
  EXPECT_EQ(ProcessFiles::Open(17)->Status()->uid, 1001u);
  EXPECT_FALSE(ProcessFiles::Open(18).ok());
  if (before != nullptr) {
    setenv("HOST_PROC", kept.c_str(), 1);
  } else {
    unsetenv("HOST_PROC");
  }
}

}  // namespace
}  // namespace belfry::host
