// Profile belfry: what SPIRE is told of where and as what an opener runs, and that nobody gets it told by pretending.
#include <gmock/gmock.h>
#include <sys/stat.h>

#include <system_error>

#include "daemon/live_daemon.h"

namespace belfry::daemon {
namespace {

using ::testing::HasSubstr;
using ::testing::Matcher;
using ::testing::Not;

class SelectorsTest : public BelfrydTest {
 protected:
  // A client that was started through another program: "/usr/bin/unshare --mount CLIENT".
  void StartThrough(std::vector<std::string> through) {
    through.insert(through.end(), {std::filesystem::read_symlink("/proc/self/exe"), "--gtest_also_run_disabled_tests",
                                   "--gtest_filter=Actor.DISABLED_Act", "--gtest_brief=1"});
    client_.reset(new Program(through, {{"BELFRY_ACTOR", "client"}, {"BELFRY_SOCKET", Socket()}}));
    connection_ = Connect(&opener_);
  }
  std::string Told() { return Judge(opener_) + " "; }
  // Of the v2 hierarchy, made by root; removed with the test. Empty: it cannot be made here.
  std::string MakeCgroup(const std::string& inside) {
    for (const char* root : {"/sys/fs/cgroup", "/sys/fs/cgroup/unified"}) {
      std::error_code error;
      if (!std::filesystem::exists(std::string(root) + "/cgroup.procs", error)) continue;
      const std::filesystem::path cgroup = root + inside;
      if (std::filesystem::create_directory(cgroup.parent_path(), error)) parent_ = cgroup.parent_path();
      if (!std::filesystem::create_directory(cgroup, error)) return "";
      cgroup_ = cgroup;
      return cgroup_;
    }
    return "";
  }
  void MoveClient() { std::ofstream(cgroup_ + "/cgroup.procs") << client_->pid() << "\n"; }
  void TearDown() override {
    BelfrydTest::TearDown();
    std::error_code error;
    for (const std::string& made : {cgroup_, parent_})
      if (!made.empty()) std::filesystem::remove(made, error);
  }

  kit::OwnedFd connection_;
  pid_t opener_ = 0;
  std::string cgroup_, parent_;  // parent_: only if it was not there
};

TEST_F(SelectorsTest, OfTheHostsNamespaces) {
  StartDaemon();
  StartThrough({});
  const std::string told = Told();
  for (const char* selector : {" mntns:host ", " userns:host "}) EXPECT_THAT(told, HasSubstr(selector));
  char byte;  // on a machine that does not show what its first process has, nobody is told to be there
  const bool hidden = readlink("/proc/1/ns/net", &byte, 1) < 0;
  EXPECT_THAT(told, hidden ? Matcher<std::string>(Not(HasSubstr("netns:"))) : Matcher<std::string>(HasSubstr(" netns:host ")));
  EXPECT_THAT(told, Not(HasSubstr("caps:none"))) << "root has all of them";
}

struct Elsewhere {
  const char* flag;
  const char* selector;
};
class FromElsewhere : public SelectorsTest, public testing::WithParamInterface<Elsewhere> {};
TEST_P(FromElsewhere, TheHostsIsNotTold) {
  StartDaemon("    mode: deny\n    rootless: true\n    container_paths: true\n");
  StartThrough({"/usr/bin/unshare", GetParam().flag});
  const std::string told = Told();
  EXPECT_THAT(told, HasSubstr("OUTCOME_SOUND"));
  EXPECT_THAT(told, Not(HasSubstr(GetParam().selector)));
}
INSTANTIATE_TEST_SUITE_P(Namespaces, FromElsewhere,
                         testing::Values(Elsewhere{"--mount", "mntns:"}, Elsewhere{"--net", "netns:"}, Elsewhere{"--user", "userns:"}),
                         [](const auto& info) { return std::string(info.param.flag + 2); });

// As Docker in Docker has it: two levels of each namespace, and another process in between.
TEST_F(SelectorsTest, OneInAContainerInAContainerIsServed) {
  StartDaemon("    mode: deny\n    container_paths: true\n");
  std::vector<std::string> through;
  for (int level = 0; level < 2; ++level)
    for (const char* word : {"/usr/bin/unshare", "--mount", "--pid", "--net", "--uts", "--ipc", "--kill-child"}) through.push_back(word);
  StartThrough(through);
  ASSERT_NE(opener_, client_->pid()) << "it is a grandchild";
  const std::string told = Told();
  EXPECT_THAT(told, HasSubstr("OUTCOME_SOUND"));
  EXPECT_THAT(told, HasSubstr(" path="));
  EXPECT_THAT(told, Not(HasSubstr("mntns:")));
  EXPECT_TRUE(IsOpen(connection_));
}

TEST_F(SelectorsTest, OfNoCapabilities) {
  StartDaemon();
  chmod(dir_.c_str(), 0755);
  chmod(Socket().c_str(), 0777);
  StartThrough({"/usr/bin/setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"});
  EXPECT_THAT(Told(), HasSubstr(" caps:none "));
}

// A unit is what root's directory is called, for as long as nobody else may write there.
TEST_F(SelectorsTest, OfACgroupThatRootMade) {
  const std::string unit = "belfry-test-" + std::to_string(getpid()) + ".service";
  if (MakeCgroup("/system.slice/" + unit).empty()) GTEST_SKIP() << "missing: a cgroup v2 hierarchy that can be written to";
  StartDaemon();
  StartClient();
  MoveClient();
  connection_ = Connect(&opener_);
  EXPECT_THAT(Told(), HasSubstr(" cgroup:/system.slice/" + unit + " unit:" + unit + " "));
}

TEST_F(SelectorsTest, NotOfOneThatAUserMayWriteTo) {
  const std::string unit = "belfry-test-" + std::to_string(getpid()) + ".service";
  if (MakeCgroup("/system.slice/" + unit).empty()) GTEST_SKIP() << "missing: a cgroup v2 hierarchy that can be written to";
  ASSERT_EQ(chown(cgroup_.c_str(), 65534, 65534), 0);
  StartDaemon();
  StartClient();
  MoveClient();
  connection_ = Connect(&opener_);
  const std::string told = Told();
  EXPECT_THAT(told, HasSubstr("OUTCOME_SOUND"));
  EXPECT_THAT(told, Not(HasSubstr("cgroup:")));
  EXPECT_THAT(told, Not(HasSubstr("unit:")));
}

}  // namespace
}  // namespace belfry::daemon
