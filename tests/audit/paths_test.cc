// The watched path: not there yet, replaced, a symbolic link, hopeless. And a running belfryd instead of one's own engine.
#include "audit/watched.h"

namespace belfry::audit {
namespace {

using ::testing::HasSubstr;

class Paths : public Watched {
 protected:
  std::unique_ptr<daemon::Program> AuditOf(const std::string& path) {
    return Audit({"--json", "--unix", path}, /*of_socket=*/false);
  }
  static int Connect(const std::string& path) { return Run({kClient, "connect", path}); }
};

TEST_F(Paths, NotThereYet) {
  const std::string path = folder_ / "later/deeper/late.sock";
  auto audit = AuditOf(path);
  std::filesystem::create_directories(folder_ / "later/deeper");
  const Server server(path);
  ASSERT_EQ(Connect(path), 0);
  EXPECT_EQ(Next(*audit, "connect")["belfry"]["guard"], "late");
}

TEST_F(Paths, Replaced) {
  const std::string path = folder_ / "again.sock";
  auto first = std::make_unique<Server>(path);
  auto audit = AuditOf(path);
  ASSERT_EQ(Connect(path), 0);
  Next(*audit, "connect");
  first.reset();
  std::filesystem::remove(path);
  const Server second(path);
  ASSERT_EQ(Connect(path), 0);
  Next(*audit, "connect");
}

TEST_F(Paths, ASymbolicLinkAndItsTarget) {
  const std::string link = folder_ / "link.sock";
  std::filesystem::create_symlink(Socket(), link);
  auto audit = AuditOf(link);
  ASSERT_EQ(Connect(link), 0);
  Next(*audit, "connect");
  ASSERT_EQ(Connect(Socket()), 0);
  EXPECT_EQ(Next(*audit, "connect")["belfry"]["guard"], "link");
}

TEST_F(Paths, SeveralAtOnce) {
  const std::string other = folder_ / "sub/watched.sock";
  std::filesystem::create_directories(folder_ / "sub");
  const Server server(other);
  auto audit = Audit({"--json", "--unix", other});
  ASSERT_EQ(Connect(other), 0);
  EXPECT_EQ(Next(*audit, "connect")["belfry"]["guard"], "watched");
  ASSERT_EQ(Connect(Socket()), 0);
  EXPECT_EQ(Next(*audit, "connect")["belfry"]["guard"], "watched-2");
}

TEST_F(Paths, OfASocketWithoutConnectionsItIsSaid) {
  const std::string path = folder_ / "datagrams.sock";
  const kit::OwnedFd fd(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{.sun_family = AF_UNIX};
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  ASSERT_EQ(bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  daemon::Program audit({kBelfry, "audit", "--unix", path, "--for", "1s"}, {});
  std::string said;
  for (std::string line = audit.ErrorLine(); !line.empty(); line = audit.ErrorLine()) said += line + "\n";
  EXPECT_THAT(said, HasSubstr("datagrams.sock is a datagram socket: who uses it is not seen"));
  EXPECT_EQ(audit.Wait(), 0);
}

TEST_F(Paths, AnAbstractName) {
  const std::string name = "@belfry/test." + std::to_string(getpid());
  auto audit = AuditOf(name);
  const Server server(name);
  ASSERT_EQ(Connect(name), 0);
  const Json line = Next(*audit, "connect");
  EXPECT_EQ(line["belfry"]["guard"], "test");
  EXPECT_EQ(line["belfry"]["socket"], name);
}

TEST_F(Paths, HopelessOnesAreRefused) {
  for (const std::string& path : {std::string("@"), "@" + std::string(108, 'x'), "/" + std::string(200, 'x'), std::string(4096, '/') + "x/", std::string("/run/")}) {
    daemon::Program audit({kBelfry, "audit", "--unix", path}, {});
    EXPECT_THAT(audit.ErrorLine(), HasSubstr("naming a socket to watch"));
    EXPECT_EQ(audit.Wait(), 64) << path.substr(0, 20);
  }
}

TEST_F(Paths, OfAPolicyFile) {
  std::ofstream(folder_ / "policy.yaml") << "version: 1\nguards:\n  - {name: from-file, unix: " << Socket() << ", mode: deny}\n";
  auto audit = Audit({"--json", "--policy", folder_ / "policy.yaml"}, false);
  ASSERT_EQ(Client("connect"), 0);
  const Json line = Next(*audit, "connect");
  EXPECT_EQ(line["belfry"]["guard"], "from-file");
  EXPECT_EQ(line["belfry"]["mode"], "observe") << "it only watches";
}

TEST_F(Paths, FiltersLetThroughWhatTheySay) {
  auto audit = Audit({"--json", "--exe", "*/audit_client", "--user", "0"});
  auto none = Audit({"--json", "--exe", "/nobody"});
  auto violations = Audit({"--json", "--only", "violations"});
  ASSERT_EQ(Client("connect"), 0);
  Next(*audit, "connect");
  EXPECT_THAT(Rest(*none), ::testing::IsEmpty());
  EXPECT_THAT(Rest(*violations), ::testing::IsEmpty());
}

class Attached : public Watched {
 protected:
  void SetUp() override {
    Watched::SetUp();
    if (IsSkipped()) return;
    std::ofstream(folder_ / "belfry.yaml") << "version: 1\nhost: self\npin: false\nrun_dir: " << Run_() << "\nguards:\n  - {name: watched, unix: "
                                           << Socket() << "}\n";
    daemon_ = std::make_unique<daemon::Program>(std::vector<std::string>{kBelfryd, "--config", folder_ / "belfry.yaml"},
                                                std::map<std::string, std::string>{});
    for (std::string line; (line = daemon_->ErrorLine()).find("guarding ") == std::string::npos;)
      ASSERT_FALSE(line.empty()) << "belfryd ended before it was ready";
  }
  std::string Run_() const { return folder_ / "run"; }
  std::unique_ptr<daemon::Program> daemon_;
};

TEST_F(Attached, SaysWhatAnEngineOfItsOwnSays) {
  auto attached = Audit({"--json", "--run-dir", Run_()}, false);
  EXPECT_THAT(said_, HasSubstr("following belfryd"));
  auto embedded = Audit({"--json"});
  ASSERT_EQ(Client("comm"), 0);
  Json one = Next(*attached, "connect"), other = Next(*embedded, "connect");
  for (Json* line : {&one, &other}) line->erase("@timestamp");  // each clock is read by itself
  EXPECT_EQ(one, other);
  attached->Signal(SIGINT);
  EXPECT_EQ(attached->Wait(), 0);
}

TEST_F(Attached, EndsWhenTheDaemonDoes) {
  auto attached = Audit({"--json", "--run-dir", Run_()}, false);
  daemon_->Signal(SIGTERM);
  EXPECT_EQ(daemon_->Wait(), 0);
  EXPECT_EQ(attached->Wait(), 4);
}

TEST_F(Attached, WithoutADaemonItSaysWhatToDo) {
  daemon::Program audit({kBelfry, "audit", "--run-dir", folder_ / "nobody"}, {});
  EXPECT_THAT(audit.ErrorLine(), HasSubstr("name a socket (`belfry audit --unix"));
  EXPECT_EQ(audit.Wait(), 4);
}

}  // namespace
}  // namespace belfry::audit
