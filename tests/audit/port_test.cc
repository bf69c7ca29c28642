// Who opens a TCP port, by the built belfry: each client named by whatever route it connects, and none lost uncounted.
#include <arpa/inet.h>
#include <netinet/in.h>

#include "audit/floods.h"

namespace belfry::audit {
namespace {

using ::testing::HasSubstr;

class Ports : public Floods {
 protected:
  void SetUp() override {
    Floods::SetUp();
    if (IsSkipped()) return;
    listener_ = kit::OwnedFd(socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in6 address{};
    address.sin6_family = AF_INET6;
    socklen_t size = sizeof address;
    ASSERT_EQ(bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), size), 0) << "a machine without IPv6?";
    ASSERT_EQ(listen(listener_.get(), 4096), 0);
    getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&address), &size);
    port_ = std::to_string(ntohs(address.sin6_port));
    thread_ = std::thread([this] {
      for (int client; (client = accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC)) >= 0;) close(client);
    });
  }
  void TearDown() override {
    if (!thread_.joinable()) return;
    shutdown(listener_.get(), SHUT_RDWR);
    thread_.join();
  }
  std::string At(const std::string& ip) const { return ip + "/" + port_; }
  std::unique_ptr<daemon::Program> Begin(std::vector<std::string> options = {}) {
    options.insert(options.begin(), "--json");
    if (options.size() == 1) options.insert(options.end(), {"--tcp", port_});
    return Audit(options, false);
  }
  Json Seen(const std::string& how, const std::string& ip) {
    if (audit_ == nullptr) audit_ = Begin();
    const int exit = Run({kClient, how, At(ip)});
    if (exit == 77) return Json();
    EXPECT_EQ(exit, 0) << how << " " << ip;
    return Next(*audit_, "connect");
  }
  void ExpectTheClient(const Json& line, const std::string& how, const std::string& ip) {
    EXPECT_EQ(line["process"]["executable"], kClient);
    EXPECT_EQ(line["process"]["args"][1], how);
    EXPECT_EQ(line["belfry"]["known_by"], "exec");
    EXPECT_EQ(line["belfry"]["verdict"], "sound");
    EXPECT_EQ(line["source"]["ip"], ip);
    EXPECT_EQ(line["destination"]["ip"], ip);
    EXPECT_EQ(line["destination"]["port"], std::stoi(port_));
    EXPECT_GT(line["source"]["port"], 0);
    EXPECT_EQ(line["belfry"]["served_by"][0]["pid"], getpid());
  }

  kit::OwnedFd listener_;
  std::string port_;
  std::thread thread_;
  std::unique_ptr<daemon::Program> audit_;
};

// It connects, resets and ends: about a millisecond.
TEST_F(Ports, AClientThatIsGoneAtOnce) { ExpectTheClient(Seen("connect", "127.0.0.1"), "connect", "127.0.0.1"); }

TEST_F(Ports, AClientOfIpv6) { ExpectTheClient(Seen("connect", "::1"), "connect", "::1"); }

TEST_F(Ports, AClientThatSpeaksIpv4OverASocketOfIpv6) {
  ExpectTheClient(Seen("connect", "::ffff:127.0.0.1"), "connect", "127.0.0.1");
}

TEST_F(Ports, AClientOfIoUring) {
  const Json line = Seen("uring", "127.0.0.1");
  if (line.is_null()) GTEST_SKIP() << "missing here: io_uring";
  ExpectTheClient(line, "uring", "127.0.0.1");
}

TEST_F(Ports, AClientThatCallsAs32Bit) {
  const Json line = Seen("int80", "127.0.0.1");
  if (line.is_null()) GTEST_SKIP() << "missing here: 32-bit system calls";
  ExpectTheClient(line, "int80", "127.0.0.1");
}

TEST_F(Ports, InColumns) {
  auto audit = Audit({"--tcp", port_}, false);
  ASSERT_EQ(Run({kClient, "connect", At("127.0.0.1")}), 0);
  std::string all;
  for (const std::string& line : Rest(*audit)) all += line + "\n";
  EXPECT_THAT(all, HasSubstr("tcp-" + port_.substr(0, 4)));
  EXPECT_THAT(all, HasSubstr(kClient));
}

TEST_F(Ports, AStrangerToThePolicyIsAViolation) {
  std::ofstream(folder_ / "policy.yaml") << "version: 1\nhost: self\nguards:\n  - name: admin\n    tcp: 127.0.0.1:" << port_
                                         << "\n    mode: warn\n    allow: [{exe: /usr/bin/nobody-here}, {name: me, exe: " << kClient << ", uid: 0}]\n";
  auto audit = Begin({"--policy", folder_ / "policy.yaml"});
  ASSERT_EQ(Run({kClient, "connect", At("127.0.0.1")}), 0);
  const Json allowed = Next(*audit, "connect");
  EXPECT_EQ(allowed["rule"]["name"], "me");
  EXPECT_FALSE(allowed["belfry"].contains("violation"));
  std::filesystem::copy_file(kClient, folder_ / "other");
  ASSERT_EQ(Run({folder_ / "other", "connect", At("127.0.0.1")}), 0);
  const Json other = Next(*audit, "connect");
  EXPECT_EQ(other["belfry"]["violation"], true);
  EXPECT_EQ(other["event"]["kind"], "alert");
  EXPECT_THAT(other["message"].get<std::string>(), HasSubstr("exe"));
}

// Made by the generator's own count: told, or counted as lost. Where the kernel missed a run, that may have been of another
// step of a connection: then it is told without its opener and counted as lost too.
TEST_F(Ports, AFlood) {
  const std::string out = folder_ / "lines";
  auto audit = AuditInto(out, "--tcp " + port_);
  const unsigned long made = FloodAt(At("127.0.0.1"), 10, 4, 1000);
  EXPECT_EQ(made, 40000u);
  audit->Signal(SIGINT);
  ASSERT_EQ(audit->Wait(), 0);
  const Account account = AccountOf(kit::OwnedFd(open(out.c_str(), O_RDONLY)));
  EXPECT_LE(account.connects, made);
  EXPECT_GE(account.sum(), made);
  EXPECT_GT(account.connects, 0u);
}

// The audit itself is stopped: the ring overflows.
TEST_F(Ports, AFloodThatNobodyReads) {
  const std::string out = folder_ / "lines";
  auto audit = AuditInto(out, "--tcp " + port_);
  audit->Signal(SIGSTOP);
  const unsigned long made = FloodAt(At("127.0.0.1"), 4, 2, 5000);
  audit->Signal(SIGCONT);
  audit->Signal(SIGINT);
  ASSERT_EQ(audit->Wait(), 0);
  const Account account = AccountOf(kit::OwnedFd(open(out.c_str(), O_RDONLY)));
  EXPECT_LE(account.connects, made);
  EXPECT_GE(account.sum(), made);
  EXPECT_GT(account.lost, 0u) << "the ring held all of it: make the flood larger";
}

TEST_F(Ports, WhatIsNoPortIsRefused) {
  daemon::Program audit({kBelfry, "audit", "--tcp", "http"}, {});
  EXPECT_THAT(audit.ErrorLine(), HasSubstr("http is no TCP port; name one as 8081, 127.0.0.1:8081 or [::1]:8081"));
  EXPECT_EQ(audit.Wait(), 64);
}

}  // namespace
}  // namespace belfry::audit
