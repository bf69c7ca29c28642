// A socket that is served, clients that open it, and an audit of it by the built belfry on the running kernel.
#ifndef BELFRY_TESTS_AUDIT_WATCHED_H_
#define BELFRY_TESTS_AUDIT_WATCHED_H_

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#include "daemon/actors.h"
#include "kernel/probes.h"
#include "support/temporary_folder.h"

namespace belfry::audit {

using Json = nlohmann::json;

// Accepts whoever comes and lets go at once, until it is closed. At a path, or "@name".
class Server {
 public:
  explicit Server(const std::string& path) : fd_(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{.sun_family = AF_UNIX};
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    const bool abstract = path.starts_with('@');
    if (abstract) address.sun_path[0] = 0;
    const auto size = static_cast<socklen_t>(abstract ? offsetof(sockaddr_un, sun_path) + path.size() : sizeof address);
    listens_ = bind(fd_.get(), reinterpret_cast<sockaddr*>(&address), size) == 0 &&
               (abstract || chmod(path.c_str(), 0777) == 0) && listen(fd_.get(), 4096) == 0;
    thread_ = std::thread([this] {
      for (int client; (client = accept4(fd_.get(), nullptr, nullptr, SOCK_CLOEXEC)) >= 0;) close(client);
    });
  }
  ~Server() {
    shutdown(fd_.get(), SHUT_RDWR);
    thread_.join();
  }
  bool listens() const { return listens_; }

 private:
  const kit::OwnedFd fd_;
  bool listens_ = false;
  std::thread thread_;
};

class Watched : public testing::Test {
 protected:
  static constexpr char kBelfry[] = BELFRY_BUILD_DIR "/bin/belfry";
  static constexpr char kBelfryd[] = BELFRY_BUILD_DIR "/bin/belfryd";
  static constexpr char kClient[] = BELFRY_BUILD_DIR "/tests/audit_client";

  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "missing here: root";
    for (const kernel::Probe& probe : kernel::RunProbes())
      if (probe.required && !probe.ok) GTEST_SKIP() << "missing here: " << probe.name << ": " << probe.detail;
    chmod(folder_.path().c_str(), 0755);
    server_ = std::make_unique<Server>(Socket());
    ASSERT_TRUE(server_->listens());
  }

  std::string Socket() const { return folder_ / "watched.sock"; }

  // Returns once it is ready.
  std::unique_ptr<daemon::Program> Audit(std::vector<std::string> options, bool of_socket = true) {
    options.insert(options.begin(), {kBelfry, "audit"});
    if (of_socket) options.insert(options.end(), {"--unix", Socket()});
    auto audit = std::make_unique<daemon::Program>(options, std::map<std::string, std::string>{{"TZ", "UTC"}});
    said_ = AwaitReady(*audit);
    return audit;
  }
  static std::string AwaitReady(daemon::Program& audit) {
    std::string line;
    do line = audit.ErrorLine();
    while (!line.empty() && line.find("watching ") == std::string::npos && line.find("following ") == std::string::npos);
    EXPECT_FALSE(line.empty()) << "it ended before it was ready";
    return line;
  }
  // The exit code of a program.
  static int Run(const std::vector<std::string>& argv, const std::map<std::string, std::string>& environment = {}) {
    return daemon::Program(argv, environment).Wait();
  }
  int Client(const std::string& how) const { return Run({kClient, how, Socket()}); }

  // The next line of that action, of which others may come before it.
  static Json Next(daemon::Program& audit, const std::string& action) {
    for (std::string line; !(line = audit.Line()).empty();) {
      const Json json = Json::parse(line, nullptr, false);
      EXPECT_TRUE(json.is_object()) << line;
      if (json.is_object() && json["event"]["action"] == action) return json;
    }
    ADD_FAILURE() << "it ended without a line of " << action;
    return Json::object();
  }
  // Everything that is still to come, once it was told to stop.
  static std::vector<std::string> Rest(daemon::Program& audit) {
    audit.Signal(SIGINT);
    std::vector<std::string> lines;
    for (std::string line; !(line = audit.Line()).empty();) lines.push_back(line);
    return lines;
  }

  support::TemporaryFolder folder_;
  std::unique_ptr<Server> server_;
  std::string said_;
};

}  // namespace belfry::audit

#endif  // BELFRY_TESTS_AUDIT_WATCHED_H_
