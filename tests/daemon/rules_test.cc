// A guard's rules from the file to the client: refused in the kernel where hooks can refuse, else cut right after.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "daemon/live_daemon.h"

namespace belfry::daemon {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

using RulesTest = BelfrydTest;

TEST_F(RulesTest, WhoMayNotConnectIsRefusedAndNamedAndMayAfterAReload) {
  StartDaemon("    mode: deny\n    allow:\n      - {name: others, uid: 12345}\n");
  StartClient();
  EXPECT_EQ(Ask(), RefusesConnects() ? "refused" : "connected");
  const std::string pid = "pid " + std::to_string(client_->pid());
  EXPECT_THAT(Said("violation"), AllOf(HasSubstr(pid), HasSubstr("not_allowed"), HasSubstr("nearest rule others: uid is 0, not 12345")));
  WriteConfig("    mode: deny\n    allow:\n      - {name: root, uid: 0}\n");
  daemon_->Signal(SIGHUP);
  EXPECT_THAT(Said("reload"), ::testing::Not(HasSubstr("refused")));
  EXPECT_EQ(Ask(), "connected");
}

}  // namespace
}  // namespace belfry::daemon
