// The built belfryd on the running kernel: who is told what, what is cut, what a restart keeps.
#include <gmock/gmock.h>

#include <optional>

#include "daemon/live_daemon.h"

namespace belfry::daemon {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

TEST_F(BelfrydTest, AnHonestClientIsSoundWithPathAndDigest) {
  StartDaemon();
  StartClient();
  const kit::OwnedFd server = Connect();
  const std::string answer = Judge(client_->pid());
  EXPECT_THAT(answer, StartsWith("OUTCOME_SOUND sha256="));
  EXPECT_THAT(answer, HasSubstr("path=" + std::filesystem::read_symlink("/proc/self/exe").string()));
  EXPECT_TRUE(IsOpen(server));
  for (const std::string& line : said_) EXPECT_EQ(line.find("canary"), std::string::npos) << line;
}

TEST_F(BelfrydTest, AnExecAfterConnectIsCutAndWithheld) {
  StartDaemon();
  StartClient();
  const kit::OwnedFd server = Connect();
  ASSERT_THAT(Judge(client_->pid()), StartsWith("OUTCOME_SOUND"));
  client_->Tell("exec");
  EXPECT_TRUE(Ended(server));
  EXPECT_THAT(Judge(client_->pid()), StartsWith("OUTCOME_WITHHELD exec_after_connect"));
}

// Whoever shares the memory of a process can write to its executable in spite of ETXTBSY: the change time tells.
TEST_F(BelfrydTest, ADigestIsOfWhatWasExecutedOrAbsent) {
  const std::string theirs = dir_ + "/theirs";
  std::filesystem::copy_file(std::filesystem::read_symlink("/proc/self/exe"), theirs);
  ASSERT_EQ(chmod(theirs.c_str(), 0755) | chown(theirs.c_str(), 65534, 65534), 0);
  StartDaemon();
  StartClient(theirs);
  client_->Tell("here");
  while (client_->Line() != "here") {
  }
  ASSERT_EQ(chmod(theirs.c_str(), 0755), 0);  // a change, as far as anyone can tell
  const kit::OwnedFd server = Connect();
  std::string answer = Judge(client_->pid());
  EXPECT_THAT(answer, StartsWith("OUTCOME_SOUND"));
  EXPECT_THAT(answer, Not(HasSubstr("sha256=")));
  EXPECT_THAT(answer, HasSubstr("path=" + theirs));
  // Only root can have changed it: the digest is said.
  ASSERT_EQ(chown(theirs.c_str(), 0, 0), 0);
  EXPECT_THAT(Judge(client_->pid()), HasSubstr("sha256="));
}

// In the log at once, whether or not somebody follows.
TEST_F(BelfrydTest, AViolationIsLogged) {
  StartDaemon();
  StartClient();
  const kit::OwnedFd server = Connect();
  client_->Tell("exec");
  EXPECT_TRUE(Ended(server));
  std::string line;
  do line = daemon_->ErrorLine();
  while (!line.empty() && line.find("violation: ") == std::string::npos);
  EXPECT_THAT(line, HasSubstr("violation: guard g: taint by "));
  EXPECT_THAT(line, HasSubstr(": exec_after_connect; pid " + std::to_string(client_->pid())));
}

TEST_F(BelfrydTest, InObserveItIsSaidAndNothingIsCut) {
  StartDaemon("    mode: observe\n");
  StartClient();
  const kit::OwnedFd server = Connect();
  ASSERT_THAT(Judge(client_->pid()), StartsWith("OUTCOME_SOUND"));
  client_->Tell("exec");
  std::string answer;
  do answer = Judge(client_->pid());  // until the exec has happened
  while (answer.starts_with("OUTCOME_SOUND"));
  EXPECT_THAT(answer, StartsWith("OUTCOME_WITHHELD exec_after_connect"));
  EXPECT_TRUE(IsOpen(server));
}

TEST_F(BelfrydTest, AStrangerMayNotAsk) {
  StartDaemon();
  StartClient();
  const kit::OwnedFd server = Connect();
  // Its parent is a shell, not the process that serves the socket.
  Program stranger({"/bin/sh", "-c",
                    "\"$0\" --gtest_also_run_disabled_tests --gtest_filter=Actor.DISABLED_Act --gtest_brief=1; true",
                    std::filesystem::read_symlink("/proc/self/exe").string()},
                   {{"BELFRY_ACTOR", "judge"}, {"BELFRY_PID", std::to_string(client_->pid())}, {"BELFRY_RUN", Run()}});
  std::string line;
  do line = stranger.Line();
  while (!line.empty() && line.find("OUTCOME_") != 0 && line.find("error") != 0);
  EXPECT_THAT(line, HasSubstr("not a child of a process that serves a guard"));
}

TEST_F(BelfrydTest, AConnectionFromBeforeIsResetUnderAnAgentInDeny) {
  StartClient();
  const kit::OwnedFd before = Connect();
  StartDaemon();
  EXPECT_TRUE(Ended(before));
  const kit::OwnedFd after = Connect();
  EXPECT_THAT(Judge(client_->pid()), StartsWith("OUTCOME_SOUND"));
}

TEST_F(BelfrydTest, AConnectionFromBeforeIsAdoptedButNeverSound) {
  StartClient();
  const kit::OwnedFd before = Connect();
  StartDaemon("    mode: observe\n");
  EXPECT_THAT(Judge(client_->pid()), StartsWith("OUTCOME_WITHHELD preexisting"));
  EXPECT_TRUE(IsOpen(before));
}

TEST_F(BelfrydTest, ARestartKeepsTheEvidence) {
  MountPins();
  StartDaemon("    mode: deny\n", true);
  StartClient();
  const kit::OwnedFd before = Connect();
  daemon_->Kill();
  const kit::OwnedFd meanwhile = Connect();
  StartDaemon("    mode: deny\n", true);
  EXPECT_THAT(Judge(client_->pid()), StartsWith("OUTCOME_SOUND"));
  EXPECT_TRUE(IsOpen(before));
  EXPECT_TRUE(IsOpen(meanwhile));
}

TEST_F(BelfrydTest, AnExecWhileItWasDownIsFoundAndCut) {
  MountPins();
  StartDaemon("    mode: deny\n", true);
  StartClient();
  const kit::OwnedFd server = Connect();
  daemon_->Kill();
  client_->Tell("exec");
  while (std::filesystem::read_symlink("/proc/" + std::to_string(client_->pid()) + "/exe").filename() ==
         std::filesystem::read_symlink("/proc/self/exe").filename()) {
  }
  StartDaemon("    mode: deny\n", true);
  EXPECT_TRUE(Ended(server));
}

// kill -9 in the middle of 1,000 connects: whatever was not recorded is withheld as such, and cut.
TEST_F(BelfrydTest, KilledAmongAThousandConnectsNothingIsGrantedWrongly) {
  StartDaemon();
  StartClient();
  std::vector<kit::OwnedFd> recorded_once, unrecorded, after;
  for (int i = 0; i < 400; ++i) recorded_once.push_back(Connect());
  ASSERT_THAT(Judge(client_->pid()), StartsWith("OUTCOME_SOUND"));
  daemon_->Kill();
  for (int i = 0; i < 300; ++i) unrecorded.push_back(Connect());
  StartDaemon();
  for (int i = 0; i < 300; ++i) after.push_back(Connect());
  // Without pins the evidence went with the process: of a thousand only the last are on record.
  EXPECT_THAT(Judge(client_->pid()), StartsWith("OUTCOME_WITHHELD preexisting"));
  for (const auto& server : recorded_once) ASSERT_TRUE(Ended(server));
  for (const auto& server : unrecorded) ASSERT_TRUE(Ended(server));
  for (const auto& server : after) ASSERT_TRUE(IsOpen(server));
  // What was cut carries nothing any more: it does not lock the client out.
  EXPECT_THAT(Judge(client_->pid()), StartsWith("OUTCOME_SOUND"));
}

TEST_F(BelfrydTest, KilledAmongAThousandConnectsWithPinsNothingIsLost) {
  MountPins();
  StartDaemon("    mode: deny\n", true);
  StartClient();
  std::vector<kit::OwnedFd> servers;
  for (int i = 0; i < 500; ++i) servers.push_back(Connect());
  daemon_->Kill();
  for (int i = 0; i < 500; ++i) servers.push_back(Connect());
  StartDaemon("    mode: deny\n", true);
  EXPECT_THAT(Judge(client_->pid()), StartsWith("OUTCOME_SOUND"));
  for (const auto& server : servers) ASSERT_TRUE(IsOpen(server));
}

TEST_F(BelfrydTest, AStrangerThatServesThePathIsAnAlarm) {
  StartDaemon("    mode: deny\n    listener: {exe: /opt/spire/bin/spire-agent}\n");
  EXPECT_THAT(said_, ::testing::Contains(HasSubstr("impostor_listener")));
  StartClient();
  const kit::OwnedFd server = Connect();
  EXPECT_THAT(Judge(client_->pid()), HasSubstr("not a child of a process that serves a guard"));
}

TEST_F(BelfrydTest, ItStopsCleanly) {
  StartDaemon();
  EXPECT_TRUE(std::filesystem::exists(Run() + "/attest.sock"));
  daemon_->Signal(SIGTERM);
  EXPECT_EQ(daemon_->Wait(), 0);
  for (const char* name : {"/attest.sock", "/admin.sock", "/canary.sock"})
    EXPECT_FALSE(std::filesystem::exists(Run() + name)) << name;
}

TEST_F(BelfrydTest, AReloadThatIsBadChangesNothing) {
  StartDaemon();
  WriteConfig("    mode: dany\n");
  daemon_->Signal(SIGHUP);
  EXPECT_THAT(daemon_->ErrorLine(), HasSubstr("reload refused"));
  StartClient();
  const kit::OwnedFd server = Connect();
  EXPECT_THAT(Judge(client_->pid()), StartsWith("OUTCOME_SOUND"));
}

// ---- start that must not succeed ----

struct Refusal {
  const char* name;
  const char* guard;
  int exit_code;
  const char* said;
};
class RefusalTest : public BelfrydTest, public ::testing::WithParamInterface<Refusal> {};

TEST_P(RefusalTest, EndsWithItsCodeAndItsReason) {
  Program daemon({kBelfryd, "--config", WriteConfig(GetParam().guard)}, {});
  // One that starts would be waited for without end.
  ASSERT_THAT(daemon.ErrorLine(), HasSubstr(GetParam().said));
  EXPECT_EQ(daemon.Wait(), GetParam().exit_code);
}
INSTANTIATE_TEST_SUITE_P(Table, RefusalTest,
                         ::testing::Values(Refusal{"mode", "    mode: dney\n", 2, ":9:11: "},
                                           Refusal{"tcp", "    tcp: 80\n", 2, "a guard of several kinds"},
                                           Refusal{"not_yaml", "  ]\n", 2, "not YAML"},
                                           // What no backend sees yet.
                                           Refusal{"blind", "    require: [foreign_acceptor]\n", 3, "cannot see"}),
                         [](const auto& info) { return info.param.name; });

TEST_F(BelfrydTest, CheckSaysGoodOrBadWithoutGuarding) {
  EXPECT_EQ(Program({kBelfryd, "--check", "--config", WriteConfig("")}, {}).Wait(), 0);
  EXPECT_EQ(Program({kBelfryd, "--check", "--config", WriteConfig("    x: 1\n")}, {}).Wait(), 2);
  EXPECT_EQ(Program({kBelfryd, "--check", "--config", dir_ + "/none"}, {}).Wait(), 2);
  EXPECT_FALSE(std::filesystem::exists(Run()));
}

}  // namespace
}  // namespace belfry::daemon
