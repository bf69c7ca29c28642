// A process whose main thread has ended while others live has an executable, but not under its own number.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <pthread.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <thread>

#include "host/process_files.h"
#include "kit/owned_fd.h"

namespace belfry::host {
namespace {

// Writes one byte once its main thread is gone, then waits to be killed.
[[noreturn]] void LiveWithoutLeader(int told) {
  std::thread* other = new std::thread([told, leader = pthread_self()] {
    pthread_join(leader, nullptr);
    (void)!write(told, "x", 1);
    pause();
  });
  (void)other;  // the process ends by a signal
  syscall(SYS_exit, 0);  // this thread alone, without unwinding through the test's frames
  _exit(1);
}

TEST(ProcessFiles, OfAProcessWithoutItsMainThreadShowItsExecutableThroughAnother) {
  int told[2];
  ASSERT_EQ(pipe2(told, O_CLOEXEC), 0);
  const pid_t child = fork();
  if (child == 0) LiveWithoutLeader(told[1]);
  close(told[1]);
  char byte = 0;
  ASSERT_EQ(read(told[0], &byte, 1), 1);
  close(told[0]);
  const ProcessFiles files = ProcessFiles::Open(child).value();
  const ProcessFiles ours = ProcessFiles::Open(getpid()).value();
  while (files.OpenExePath().ok()) {  // the join returns a moment before the kernel has let go of the thread's memory
  }
  EXPECT_FALSE(files.OpenExe().ok());
  for (const bool for_content : {false, true}) {
    auto exe = files.OpenExeOfAnyThread(for_content);
    ASSERT_TRUE(exe.ok()) << exe.status();
    EXPECT_EQ(PathOf(exe->get()).value(), PathOf(ours.OpenExePath()->get()).value());
  }
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  EXPECT_FALSE(files.OpenExeOfAnyThread(true).ok());
}

}  // namespace
}  // namespace belfry::host
