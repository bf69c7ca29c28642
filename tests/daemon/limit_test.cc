// A guard's limit from the file to the client: told where it is only watched, EAGAIN where it can be refused.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "daemon/live_daemon.h"

namespace belfry::daemon {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

const std::string kOneAnHour = "    limit: {per: uid, rate: 1/h, burst: 1}\n";

class LimitTest : public BelfrydTest {
 protected:
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
  std::string StatusLine(const std::string& word) {
    Program status({BELFRY_BUILD_DIR "/bin/belfry", "--run-dir", Run(), "status", "--json"}, {});
    std::string line;
    do line = status.Line();
    while (!line.empty() && line.find(word) == std::string::npos);
    return line;
  }
  bool RefusesConnects() const { return said_.back().find("backend cgroup") == std::string::npos; }
};

TEST_F(LimitTest, WhoIsOverItIsNamedThenRefusedAndAReloadForgetsNothing) {
  StartDaemon("    mode: warn\n" + kOneAnHour);
  StartClient();
  EXPECT_EQ(Ask(), "connected");
  EXPECT_EQ(Ask(), "connected");
  const std::string pid = "pid " + std::to_string(client_->pid());
  EXPECT_THAT(Said("violation"), AllOf(HasSubstr("would_withhold"), HasSubstr(": limit; " + pid), HasSubstr("1/h per uid, burst 1")));
  WriteConfig("    mode: deny\n" + kOneAnHour);
  daemon_->Signal(SIGHUP);
  if (!RefusesConnects()) {
    EXPECT_THAT(Said("reload"), HasSubstr("backend cgroup cannot refuse a connect"));
    EXPECT_EQ(Ask(), "connected");
    return;
  }
  EXPECT_THAT(Said("reload"), ::testing::Not(HasSubstr("refused")));
  EXPECT_EQ(Ask(), "refused");
  EXPECT_THAT(Said("violation"), AllOf(HasSubstr("refused by"), HasSubstr(": limit; " + pid)));
  EXPECT_THAT(StatusLine("\"limited\""), HasSubstr("\"1\""));
}

}  // namespace
}  // namespace belfry::daemon
