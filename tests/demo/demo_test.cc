// The built `belfry demo` as a newcomer runs it: every scene ends as promised, and nothing is left behind.
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <set>
#include <string>

#include "demo/scenes.h"
#include "demo/spire.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"

namespace belfry::demo {
namespace {

std::string Program(const char* name) { return std::string(BELFRY_BUILD_DIR) + "/bin/" + name; }

// What runs and lies around below one scratch folder of this test.
class BuiltDemo : public ::testing::Test {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "needs root";
    for (const char* name : {"belfry", "belfryd", "belfry-spire-plugin", "belfry-demo-actor"}) {
      if (access(Program(name).c_str(), X_OK) != 0) GTEST_SKIP() << "needs the built " << name;
    }
    char pattern[] = "/tmp/belfry-demo-test.XXXXXX";
    ASSERT_NE(mkdtemp(pattern), nullptr);
    scratch_ = pattern;
    std::filesystem::permissions(scratch_, std::filesystem::perms(0755));
  }
  void TearDown() override {
    if (scratch_.empty()) return;
    std::error_code ignored;
    std::filesystem::remove_all(scratch_, ignored);
  }

  pid_t Start(const std::vector<std::string>& arguments, int* out) {
    int pipe[2];
    EXPECT_EQ(pipe2(pipe, O_CLOEXEC), 0);
    const pid_t pid = fork();
    if (pid == 0) {
      dup2(pipe[1], STDOUT_FILENO);
      setenv("TMPDIR", scratch_.c_str(), 1);
      std::vector<char*> words;
      for (const std::string& one : arguments) words.push_back(const_cast<char*>(one.c_str()));
      words.push_back(nullptr);
      execv(words[0], words.data());
      _exit(127);
    }
    close(pipe[1]);
    *out = pipe[0];
    return pid;
  }
  static std::string ReadAll(int fd) {
    std::string text;
    std::array<char, 4096> buffer;
    for (ssize_t got; (got = read(fd, buffer.data(), buffer.size())) > 0;) text.append(buffer.data(), got);
    close(fd);
    return text;
  }
  static int ExitCode(pid_t pid) {
    int status = 0;
    waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  }
  bool NothingIsLeft() const { return std::filesystem::is_empty(scratch_); }

  std::string scratch_;
};

TEST_F(BuiltDemo, EveryScenePromisedEndsAsPromised) {
  int out = -1;
  const pid_t pid = Start({Program("belfry"), "demo", "--json"}, &out);
  const std::string text = ReadAll(out);
  EXPECT_EQ(ExitCode(pid), 0);
  EXPECT_TRUE(NothingIsLeft());
  const Json report = Json::parse(text, nullptr, false);
  ASSERT_TRUE(report.is_object()) << text;
  EXPECT_EQ(report.value("schema", 0), 1);
  EXPECT_NE(report.value("backend", ""), "");
  std::set<std::string> played;
  for (const Json& scene : report["scenes"]) {
    const std::string name = scene.value("name", "");
    played.insert(name);
    if (scene.contains("skipped")) {
      std::printf("[  SKIPPED ] scene %s: %s\n", name.c_str(), scene["skipped"].get<std::string>().c_str());
      continue;
    }
    EXPECT_TRUE(scene.value("ok", false)) << scene.dump(2);
  }
  EXPECT_EQ(played.size(), Scenes().size());
}

TEST_F(BuiltDemo, UnknownSceneIsNamedWithTheOnesThereAre) {
  int out = -1;
  EXPECT_EQ(ExitCode(Start({Program("belfry"), "demo", "--scene", "no-such"}, &out)), 2);
  EXPECT_EQ(ReadAll(out), "");
  EXPECT_TRUE(NothingIsLeft());
}

TEST_F(BuiltDemo, OnARealSpireStockIssuesAndBelfryDoesNot) {
  auto spire = FindSpire();
  if (!spire.ok()) GTEST_SKIP() << spire.status().message();
  int out = -1;
  const pid_t pid = Start({Program("belfry"), "demo", "--spire", "--json"}, &out);
  const std::string text = ReadAll(out);
  EXPECT_EQ(ExitCode(pid), 0);
  EXPECT_TRUE(NothingIsLeft());
  const Json report = Json::parse(text, nullptr, false);
  ASSERT_TRUE(report.is_object()) << text;
  for (const Json& scene : report["scenes"]) {
    EXPECT_TRUE(scene.value("ok", false)) << scene.dump(2);
    EXPECT_TRUE(scene["proc_says"].value("really", false));
    const bool stock_issued = scene["proc_says"].value("would_issue", false);
    EXPECT_TRUE(stock_issued || scene["verdict"] != "withheld") << scene.dump(2);
  }
  EXPECT_EQ(report["scenes"].size(), ScenesForSpire().size());
}

TEST_F(BuiltDemo, WithoutSpireSaysHowToGetIt) {
  setenv("SPIRE_BIN", scratch_.c_str(), 1);
  int out = -1;
  EXPECT_EQ(ExitCode(Start({Program("belfry"), "demo", "--spire"}, &out)), 2);
  unsetenv("SPIRE_BIN");
  ReadAll(out);
}

// A client of one's own, registered by its path and digest, is served; then a signal ends it all.
TEST_F(BuiltDemo, ServesAClientOfOnesOwn) {
  setenv("BELFRY_DEMO_CLIENT", Program("belfry-demo-actor").c_str(), 1);
  int out = -1;
  const pid_t pid = Start({Program("belfry"), "demo", "--scene", "serve", "--json"}, &out);
  unsetenv("BELFRY_DEMO_CLIENT");
  std::string line;
  for (char byte; read(out, &byte, 1) == 1 && byte != '\n';) line.push_back(byte);
  const Json served = Json::parse(line, nullptr, false);
  ASSERT_TRUE(served.is_object()) << line;

  auto pair = ControlPair();
  ASSERT_TRUE(pair.ok());
  ChildOrder order;
  order.arguments = {Program("belfry-demo-actor"), "act", std::to_string(kControl)};
  order.control = pair->second.get();
  auto child = Child::Start(order);
  ASSERT_TRUE(child.ok());
  pair->second.Reset();
  Trouble trouble;
  const pid_t number = child->pid();
  Player client(trouble, number, *std::move(child), std::move(pair->first));
  client.Finish();
  EXPECT_EQ(client.Fetch(served["socket"].get<std::string>()).identity, "spiffe://demo.belfry/client");
  EXPECT_FALSE(trouble.any()) << trouble.first;

  kill(pid, SIGINT);
  EXPECT_EQ(ExitCode(pid), 0);
  EXPECT_TRUE(NothingIsLeft());
  close(out);
}

class Stopped : public BuiltDemo, public ::testing::WithParamInterface<int> {};

// Every orphan of the demo becomes ours: when there is no child left, nothing that it started runs any more.
void WaitForAllOrphans() {
  alarm(120);  // a bound for a process that stays: the test dies loudly
  while (waitpid(-1, nullptr, 0) > 0 || errno == EINTR) {
  }
  EXPECT_EQ(errno, ECHILD);
  alarm(0);
}

TEST_P(Stopped, InTheMiddleItLeavesNothing) {
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  int out = -1;
  const pid_t pid = Start({Program("belfry"), "demo"}, &out);
  std::string said;
  for (char byte; said.find("two-honest") == std::string::npos && read(out, &byte, 1) == 1;) said.push_back(byte);
  ASSERT_NE(said.find("two-honest"), std::string::npos) << said;
  kill(pid, GetParam());
  EXPECT_NE(ExitCode(pid), 0);
  WaitForAllOrphans();
  prctl(PR_SET_CHILD_SUBREAPER, 0);
  EXPECT_TRUE(NothingIsLeft());
  close(out);
}
INSTANTIATE_TEST_SUITE_P(Signals, Stopped, ::testing::Values(SIGINT, SIGTERM, SIGKILL));

}  // namespace
}  // namespace belfry::demo
