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
  std::string StatusLine(const std::string& word) {
    Program status({BELFRY_BUILD_DIR "/bin/belfry", "--run-dir", Run(), "status", "--json"}, {});
    std::string line;
    do line = status.Line();
    while (!line.empty() && line.find(word) == std::string::npos);
    return line;
  }
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
