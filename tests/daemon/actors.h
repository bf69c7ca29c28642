// Processes of the live tests: belfryd itself, clients of the guarded socket, and a caller of attest.sock.
#ifndef BELFRY_TESTS_DAEMON_ACTORS_H_
#define BELFRY_TESTS_DAEMON_ACTORS_H_

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <map>
#include <string>
#include <vector>

#include "kit/owned_fd.h"

namespace belfry::daemon {

inline constexpr int kActorIn = 0;
inline constexpr int kActorOut = 1;

// A started program with pipes on 0, 1 and 2; killed with this object.
class Program {
 public:
  Program(const std::vector<std::string>& argv, const std::map<std::string, std::string>& environment) {
    int in[2], out[2], err[2];
    if (pipe2(in, O_CLOEXEC) != 0 || pipe2(out, O_CLOEXEC) != 0 || pipe2(err, O_CLOEXEC) != 0) return;
    pid_ = fork();
    if (pid_ == 0) {
      dup2(in[0], 0);
      dup2(out[1], 1);
      dup2(err[1], 2);
      for (const auto& [name, value] : environment) setenv(name.c_str(), value.c_str(), 1);
      std::vector<char*> words;
      for (const std::string& word : argv) words.push_back(const_cast<char*>(word.c_str()));
      words.push_back(nullptr);
      execv(words[0], words.data());
      _exit(127);
    }
    in_ = kit::OwnedFd(in[1]);
    out_ = kit::OwnedFd(out[0]);
    err_ = kit::OwnedFd(err[0]);
    close(in[0]);
    close(out[1]);
    close(err[1]);
  }
  ~Program() { Kill(); }
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  pid_t pid() const { return pid_; }

  void Tell(const std::string& word) {
    const std::string line = word + "\n";
    [[maybe_unused]] const ssize_t written = write(in_.get(), line.data(), line.size());
  }
  std::string Line() { return LineOf(out_); }       // of stdout; empty: it has ended
  std::string ErrorLine() { return LineOf(err_); }  // of stderr

  void Signal(int signal) { kill(pid_, signal); }
  void Kill() {
    if (pid_ <= 0) return;
    kill(pid_, SIGKILL);
    Wait();
  }
  // The exit code; 128 + signal if one ended it.
  int Wait() {
    int status = 0;
    if (pid_ <= 0 || waitpid(pid_, &status, 0) != pid_) return -1;
    pid_ = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }

 private:
  static std::string LineOf(const kit::OwnedFd& fd) {
    std::string line;
    char byte;
    while (read(fd.get(), &byte, 1) == 1 && byte != '\n') line += byte;
    return line;
  }
  pid_t pid_ = 0;
  kit::OwnedFd in_, out_, err_;
};

inline Program Actor(const std::string& name, std::map<std::string, std::string> environment) {
  environment["BELFRY_ACTOR"] = name;
  return Program({"/proc/self/exe", "--gtest_also_run_disabled_tests", "--gtest_filter=Actor.DISABLED_Act",
                  "--gtest_brief=1"},
                 environment);
}

}  // namespace belfry::daemon

#endif  // BELFRY_TESTS_DAEMON_ACTORS_H_
