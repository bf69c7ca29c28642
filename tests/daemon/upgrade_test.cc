// Upgrades under load: nobody is granted wrongly, and with the same layout nobody is refused wrongly.
#include <gmock/gmock.h>
#include <sys/stat.h>

#include <atomic>
#include <iostream>
#include <thread>

#include "daemon/live_daemon.h"

namespace belfry::daemon {
namespace {

using ::testing::Not;
using ::testing::StartsWith;

constexpr char kDeny[] = "    mode: deny\n";

// Answers each byte with one, of all who come; until it ends.
class Echo {
 public:
  explicit Echo(int listener) : listener_(listener), thread_([this] { Serve(); }) {}
  ~Echo() {
    ending_ = true;
    thread_.join();
  }

 private:
  void Serve() {
    std::vector<pollfd> all{{.fd = listener_, .events = POLLIN, .revents = 0}};
    while (!ending_) {
      poll(all.data(), all.size(), 100);
      for (size_t i = all.size(); i-- > 1;) {
        char byte;
        if (all[i].revents == 0 || (recv(all[i].fd, &byte, 1, MSG_DONTWAIT) == 1 && send(all[i].fd, &byte, 1, MSG_NOSIGNAL) == 1)) continue;
        close(all[i].fd);
        all.erase(all.begin() + static_cast<long>(i));
      }
      if (all[0].revents != 0) Accept(all);
    }
    for (size_t i = 1; i < all.size(); ++i) close(all[i].fd);
  }
  void Accept(std::vector<pollfd>& all) {
    const int client = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    ucred peer{};
    socklen_t size = sizeof peer;
    if (client < 0) return;
    if (getsockopt(client, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) {
      close(client);
      return;
    }
    all.push_back({.fd = client, .events = POLLIN, .revents = 0});
  }

  const int listener_;
  std::atomic<bool> ending_ = false;
  std::thread thread_;
};

class UpgradeTest : public BelfrydTest {
 protected:
  // What the last daemon said explains a failure.
  void TearDown() override {
    if (HasFailure() && daemon_) {
      daemon_->Signal(SIGTERM);
      for (std::string line; !(line = daemon_->ErrorLine()).empty();) said_.push_back(line);
      for (const std::string& line : said_) std::cerr << line << "\n";
    }
    BelfrydTest::TearDown();
  }
  void SetUp() override {
    BelfrydTest::SetUp();
    if (!IsSkipped()) MountPins();
  }
  // As a package's new version does: the old daemon ends, the next begins with programs of another build.
  void Upgrade(const std::string& object, const std::string& layout = "") {
    if (daemon_) {
      daemon_->Signal(SIGTERM);
      ASSERT_EQ(daemon_->Wait(), 0);
    }
    std::map<std::string, std::string> build{{"BELFRY_TEST_OBJECT", object}};
    if (!layout.empty()) build["BELFRY_TEST_LAYOUT"] = layout;
    StartDaemon(kDeny, true, build);
  }
  // BELFRY_TEST_UPGRADES: fewer under emulation.
  static int Upgrades() {
    const char* number = getenv("BELFRY_TEST_UPGRADES");
    return number == nullptr ? 50 : std::stoi(number);
  }
  Program Start(const char* actor) { return Actor(actor, {{"BELFRY_SOCKET", Socket()}}); }
  static std::string Stop(Program& actor) {
    actor.Tell("stop");
    std::string line;
    do line = actor.Line();
    while (!line.empty() && !line.starts_with("served") && !line.starts_with("heard") && !line.starts_with("refused"));
    return line;
  }
  // Backends with hooks refuse a stranger's send; the other one sees it as a holder, at a verdict.
  bool RefusesUse() const {
    for (const std::string& line : said_)
      if (line.find("backend cgroup") != std::string::npos) return false;
    return true;
  }
  std::vector<std::string> Layouts() const {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(Pins()))
      if (entry.is_directory()) names.push_back(entry.path().filename());
    return names;
  }
};

TEST_F(UpgradeTest, WithTheSameLayoutEvidenceGoesOn) {
  Upgrade("0");
  StartClient();
  const kit::OwnedFd steady = Connect();
  for (const char* object : {"1", "2", "3"}) {
    Upgrade(object);
    EXPECT_THAT(Judge(client_->pid()), StartsWith("OUTCOME_SOUND")) << "after upgrade " << object;
    EXPECT_TRUE(IsOpen(steady)) << "after upgrade " << object;
  }
}

TEST_F(UpgradeTest, WithTheSameLayoutUnderLoad) {
  Upgrade("0");
  StartClient();
  const kit::OwnedFd steady = Connect();
  const Echo echo(listener_.get());
  Program hammer = Start("hammer"), robber = Start("robber"), turned = Start("client");
  turned.Tell("connect");
  turned.Tell("exec");
  const int upgrades = Upgrades();
  for (int i = 1; i <= upgrades; ++i) {
    Upgrade(std::to_string(i));
    ASSERT_THAT(Judge(client_->pid()), StartsWith("OUTCOME_SOUND")) << "after upgrade " << i;
    ASSERT_THAT(Judge(turned.pid()), Not(StartsWith("OUTCOME_SOUND"))) << "after upgrade " << i;
    ASSERT_TRUE(IsOpen(steady)) << "after upgrade " << i;
  }
  EXPECT_THAT(Stop(hammer), StartsWith("served"));
  const std::string heard = Stop(robber);
  if (RefusesUse()) EXPECT_EQ(heard, "heard 0 of some");
  for (const std::string& line : said_) EXPECT_EQ(line.find("canary"), std::string::npos) << line;
}

// Its evidence is not ours: what was open is never sound, the programs that guarded it refuse until that is marked, and
// then they go.
TEST_F(UpgradeTest, WithAnotherLayout) {
  Upgrade("0", "first");
  StartClient();
  const kit::OwnedFd before = Connect();
  const Echo echo(listener_.get());
  Program robber = Start("robber");
  for (const char* layout : {"second", "third"}) {
    Upgrade("0", layout);
    EXPECT_THAT(Layouts(), ::testing::ElementsAre(std::string("belfry-") + layout));
  }
  EXPECT_TRUE(Ended(before));
  const std::string heard = Stop(robber);
  if (RefusesUse()) EXPECT_EQ(heard, "heard 0 of some");
}

}  // namespace
}  // namespace belfry::daemon
