// The built belfryd on the running kernel, a guarded socket that this process serves, clients and a judge as its children.
#ifndef BELFRY_TESTS_DAEMON_LIVE_DAEMON_H_
#define BELFRY_TESTS_DAEMON_LIVE_DAEMON_H_

#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "daemon/actors.h"
#include "kernel/probes.h"

namespace belfry::daemon {

inline const std::string kBelfryd = BELFRY_BUILD_DIR "/bin/belfryd";

inline std::string MissingHere() {
  if (geteuid() != 0) return "root";
  for (const kernel::Probe& probe : kernel::RunProbes())
    if (probe.required && !probe.ok) return probe.name + ": " + probe.detail;
  return "";
}

// This process serves the guarded socket; belfryd guards it; clients and the judge are its children.
class BelfrydTest : public ::testing::Test {
 protected:
  void SetUp() override {
    static const std::string missing = MissingHere();
    if (!missing.empty()) GTEST_SKIP() << "missing here: " << missing;
    const rlimit files{8192, 8192};
    setrlimit(RLIMIT_NOFILE, &files);
    char name[] = "/tmp/belfryd-test-XXXXXX";
    dir_ = mkdtemp(name);
    listener_ = kit::OwnedFd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{.sun_family = AF_UNIX};
    Socket().copy(address.sun_path, sizeof address.sun_path - 1);
    ASSERT_EQ(bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    ASSERT_EQ(listen(listener_.get(), 4096), 0);
  }
  void TearDown() override {
    client_.reset();
    daemon_.reset();
    if (mounted_) {
      Program({kBelfryd, "--uninstall", "--bpffs", Pins()}, {}).Wait();
      umount2(Pins().c_str(), MNT_DETACH);
    }
    if (!dir_.empty()) std::filesystem::remove_all(dir_);
  }

  std::string Socket() const { return dir_ + "/agent.sock"; }
  std::string Run() const { return dir_ + "/run"; }
  std::string Pins() const { return dir_ + "/bpf"; }

  std::string WriteConfig(const std::string& guard, bool pin = false) {
    const std::string file = dir_ + "/belfry.yaml";
    std::ofstream(file) << "version: 1\nhost: self\npin: " << (pin ? "true" : "false") << "\nrun_dir: " << Run()
                        << "\nbpffs: " << Pins() << "\nguards:\n  - name: g\n    agent: {workload: " << Socket() << "}\n"
                        << guard;
    return file;
  }
  void MountPins() {
    mkdir(Pins().c_str(), 0700);
    if (mount("bpf", Pins().c_str(), "bpf", 0, nullptr) != 0) GTEST_SKIP() << "missing here: mounting bpffs";
    mounted_ = true;
  }
  // Returns when everything is live: admin.sock is bound last.
  void StartDaemon(const std::string& guard = "    mode: deny\n", bool pin = false,
                   const std::map<std::string, std::string>& environment = {}) {
    daemon_ = std::make_unique<Program>(std::vector<std::string>{kBelfryd, "--config", WriteConfig(guard, pin)}, environment);
    while (true) {
      const std::string line = daemon_->ErrorLine();
      ASSERT_FALSE(line.empty()) << "belfryd ended before it was ready";
      said_.push_back(line);
      if (line.find("guarding ") != std::string::npos) return;
    }
  }
  void StartClient(const std::string& executable = "/proc/self/exe") { StartClientOf(Socket(), executable); }
  void StartClientOf(const std::string& socket, const std::string& executable = "/proc/self/exe") {
    client_.reset(new Program(std::vector<std::string>{executable, "--gtest_also_run_disabled_tests",
                                                       "--gtest_filter=Actor.DISABLED_Act", "--gtest_brief=1"},
                              {{"BELFRY_ACTOR", "client"}, {"BELFRY_SOCKET", socket}}));
  }
  // The client connects once more; this end of it, with SO_PEERCRED asked as an agent does.
  // `opener`: whoever that is; otherwise the very process that was started.
  kit::OwnedFd Connect(pid_t* opener = nullptr) {
    client_->Tell("connect");
    kit::OwnedFd server(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    ucred peer{};
    socklen_t size = sizeof peer;
    EXPECT_EQ(getsockopt(server.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size), 0);
    if (opener != nullptr)
      *opener = peer.pid;
    else
      EXPECT_EQ(peer.pid, client_->pid());
    std::string line;
    do line = client_->Line();
    while (line != "connected" && !line.empty());  // gtest says hello first
    EXPECT_EQ(line, "connected");
    return server;
  }
  // "connected" or "refused".
  std::string Ask() {
    client_->Tell("connect");
    std::string line;
    do line = client_->Line();
    while (!line.empty() && line != "connected" && line != "refused");
    return line;
  }
  // The next line of the daemon's log in which the word is.
  std::string Said(const std::string& word) {
    std::string line;
    do line = daemon_->ErrorLine();
    while (!line.empty() && line.find(word) == std::string::npos);
    return line;
  }
  bool RefusesConnects() const { return said_.back().find("backend cgroup") == std::string::npos; }
  std::string Judge(pid_t pid) {
    Program judge = Actor("judge", {{"BELFRY_PID", std::to_string(pid)}, {"BELFRY_RUN", Run()}});
    std::string line;
    do line = judge.Line();
    while (!line.empty() && line.find("OUTCOME_") != 0 && line.find("error") != 0);
    return line;
  }
  // Blocks until the other end is gone or was shut down.
  static bool Ended(const kit::OwnedFd& server) {
    pollfd wait{.fd = server.get(), .events = POLLIN | POLLRDHUP};
    char byte;
    return poll(&wait, 1, 60000) == 1 && recv(server.get(), &byte, 1, MSG_DONTWAIT) == 0;
  }
  static bool IsOpen(const kit::OwnedFd& server) {
    char byte;
    return recv(server.get(), &byte, 1, MSG_DONTWAIT) < 0 && errno == EAGAIN;
  }

  std::string dir_;
  kit::OwnedFd listener_;
  std::unique_ptr<Program> daemon_, client_;
  std::vector<std::string> said_;
  bool mounted_ = false;
};

}  // namespace belfry::daemon

#endif  // BELFRY_TESTS_DAEMON_LIVE_DAEMON_H_
