// A scrape of the built belfryd on the running kernel; where it may not be had, the daemon says so and ends.
#include <gmock/gmock.h>

#include <sys/stat.h>

#include <regex>

#include "daemon/live_daemon.h"
#include "support/exposition.h"
#include "support/stream_client.h"

namespace belfry::daemon {
namespace {

using support::StreamClient;
using support::ValueOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class MetricsTest : public BelfrydTest {
 protected:
  std::string Path() const { return Run() + "/metrics.sock"; }
  // `metrics` stands after the guard's own lines: top level again.
  void Start(const std::string& metrics, const std::string& guard = "    mode: deny\n") {
    StartDaemon(guard + "metrics: " + metrics + "\n");
  }
  std::string Scrape() {
    const std::string answer = StreamClient(Path()).Ask(support::kScrape);
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 OK\r\n"));
    const size_t head = answer.find("\r\n\r\n");
    return head == std::string::npos ? answer : answer.substr(head + 4);
  }
  // The daemon answers with what is at most an instant old: asked until it is so.
  void Until(const std::string& name, const std::map<std::string, std::string>& labels, double value) {
    while (ValueOf(Scrape(), name, labels) != value) {
    }
  }
};

TEST_F(MetricsTest, AScrapeTellsWhatHappened) {
  Start("{}");
  struct stat made {};
  ASSERT_EQ(stat(Path().c_str(), &made), 0);
  EXPECT_EQ(made.st_mode & 0777, 0600u);
  StartClient();
  const kit::OwnedFd server = Connect();
  ASSERT_THAT(Judge(client_->pid()), StartsWith("OUTCOME_SOUND"));
  Until("belfry_verdicts_total", {{"guard", "g"}, {"verdict", "sound"}}, 1);
  std::string text = Scrape();
  EXPECT_EQ(ValueOf(text, "belfry_connects_total", {{"guard", "g"}}), 1);
  EXPECT_EQ(ValueOf(text, "belfry_connections", {{"guard", "g"}}), 1);
  EXPECT_EQ(ValueOf(text, "belfry_guard_mode", {{"guard", "g"}, {"mode", "deny"}}), 1);
  EXPECT_EQ(ValueOf(text, "belfry_guard_served", {{"guard", "g"}}), 1);
  EXPECT_EQ(ValueOf(text, "belfry_canary_working", {{"capability", "connect recorded"}}), 1);
  EXPECT_GT(ValueOf(text, "belfry_events_total", {{"program", "process_fork"}, {"fate", "sent"}}), 0);  // an exec may be told by a twin
  EXPECT_EQ(ValueOf(text, "belfry_verdict_seconds_count", {}), 1);
  client_->Tell("exec");
  ASSERT_TRUE(Ended(server));
  ASSERT_THAT(Judge(client_->pid()), StartsWith("OUTCOME_WITHHELD exec_after_connect"));
  Until("belfry_withheld_total", {{"guard", "g"}, {"reason", "exec_after_connect"}}, 1);
  text = Scrape();
  EXPECT_EQ(ValueOf(text, "belfry_cuts_total", {{"guard", "g"}}), 1);
  EXPECT_EQ(ValueOf(text, "belfry_taints_total", {{"guard", "g"}, {"taint", "exec_after_connect"}}), 1);
  daemon_->Signal(SIGTERM);
  EXPECT_EQ(daemon_->Wait(), 0);
  EXPECT_FALSE(std::filesystem::exists(Path()));
}

TEST_F(MetricsTest, NothingIsThereUnlessAskedFor) {
  StartDaemon();
  EXPECT_FALSE(std::filesystem::exists(Path()));
}

TEST_F(MetricsTest, ALoopbackPortIsAnswered) {
  const uint16_t port = support::FreePort();
  Start("{tcp: " + std::to_string(port) + "}");
  EXPECT_THAT(StreamClient(port).Ask(support::kScrape), HasSubstr("\nbelfry_connects_total{guard=\"g\"} 0\n"));
}

TEST_F(MetricsTest, AGroupMayBeLetIn) {
  const std::string path = dir_ + "/m.sock";
  Start("{unix: " + path + ", group: \"65534\"}");
  struct stat made {};
  ASSERT_EQ(stat(path.c_str(), &made), 0);
  EXPECT_EQ(made.st_mode & 0777, 0660u);
  EXPECT_EQ(made.st_gid, 65534u);
}

TEST_F(MetricsTest, WhereItWasAskedForDoesNotChangeWhileItRuns) {
  Start("{}");
  WriteConfig("    mode: deny\n");
  daemon_->Signal(SIGHUP);
  EXPECT_THAT(daemon_->ErrorLine(), HasSubstr("host and metrics cannot change while it runs; restart belfryd"));
}

// What is named on the board and in the rules is told by the daemon as it was built.
TEST_F(MetricsTest, BoardAndRulesNameOnlyWhatThereIs) {
  Start("{}");
  const std::set<std::string> families = support::FamiliesOf(Scrape());
  for (const char* name : support::kNamingMetrics) {
    std::ifstream in(std::string(BELFRY_SOURCE_DIR "/deploy/") + name);
    const std::string text((std::istreambuf_iterator<char>(in)), {});
    EXPECT_EQ(support::NamedButNotIn(families, text), std::set<std::string>()) << name;
  }
}

struct NotHere {
  const char* name;
  const char* where;  // %s: the test's folder
  const char* said;
};
class MetricsRefusal : public MetricsTest, public ::testing::WithParamInterface<NotHere> {};

TEST_P(MetricsRefusal, EndsWithTheReason) {
  const std::string where = std::regex_replace(std::string(GetParam().where), std::regex("%s"), dir_);
  std::ofstream(dir_ + "/file") << "kept";
  Program daemon({kBelfryd, "--config", WriteConfig("    mode: deny\nmetrics: " + where + "\n")}, {});
  std::string said;
  for (std::string line; !(line = daemon.ErrorLine()).empty();) said += line + "\n";
  EXPECT_THAT(said, HasSubstr(GetParam().said));
  EXPECT_THAT(daemon.Wait(), ::testing::AnyOf(2, 3));
  EXPECT_TRUE(std::filesystem::exists(dir_ + "/file"));
}

INSTANTIATE_TEST_SUITE_P(
    All, MetricsRefusal,
    ::testing::Values(NotHere{"NoFolder", "{unix: %s/none/m.sock}", "No such file or directory; make its folder"},
                      NotHere{"InTheWay", "{unix: %s/file}", "something that is no socket is in the way; remove it"},
                      NotHere{"Everybody", "{tcp: \"0.0.0.0:9464\"}", "which others than this machine can reach, expected a port"},
                      NotHere{"Guarded", "{unix: %s/agent.sock}", "which guard \"g\" has"}),
    [](const auto& info) { return info.param.name; });

TEST_F(MetricsTest, ABusyAddressEndsWithTheReason) {
  const std::string path = dir_ + "/busy.sock";
  const kit::OwnedFd busy(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{.sun_family = AF_UNIX};
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  ASSERT_EQ(bind(busy.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  ASSERT_EQ(listen(busy.get(), 8), 0);
  Program daemon({kBelfryd, "--config", WriteConfig("    mode: deny\nmetrics: {unix: " + path + "}\n")}, {});
  std::string said;
  for (std::string line; !(line = daemon.ErrorLine()).empty();) said += line + "\n";
  EXPECT_THAT(said, HasSubstr("another process serves it; stop the other belfryd, or name another path"));
  EXPECT_EQ(daemon.Wait(), 3);
}

}  // namespace
}  // namespace belfry::daemon
