// The identity a question is asked with is that of the process that opened the connection it came on, whatever else
// connects, leaves and comes back at the same time. A wrong mapping here would be a wrong grant.
#include <grp.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <cstdlib>
#include <future>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "service/open_doors.h"

extern char** environ;

namespace belfry::service {
namespace {

constexpr char kChildVariable[] = "BELFRY_TEST_CHILD";  // "UID GID ROUNDS PATH"
constexpr int kChildren = 8;
constexpr int kRounds = 40;

// Run by the parent test in processes of other users: asks on a fresh connection each round, several at a time.
TEST(IdentityChild, DISABLED_AsksAsSomeoneElse) {
  const char* told = getenv(kChildVariable);
  ASSERT_NE(told, nullptr) << "run by Identity.FollowsTheConnectionUnderChurn";
  const std::vector<std::string> words = absl::StrSplit(told, ' ');
  const uid_t uid = std::stoul(words[0]);
  const gid_t gid = std::stoul(words[1]);
  ASSERT_EQ(setgroups(0, nullptr), 0);
  ASSERT_EQ(setresgid(gid, gid, gid), 0);
  ASSERT_EQ(setresuid(uid, uid, uid), 0);
  for (int round = 0; round < std::stoi(words[2]); ++round) {
    auto stub = v1::Attest::NewStub(OwnChannel(words[3]));
    std::vector<std::thread> askers;
    for (int asker = 0; asker < 4; ++asker) {
      askers.emplace_back([&, asker] {
        const int pid = round * 10 + asker;
        grpc::ClientContext context;
        context.set_wait_for_ready(true);
        v1::JudgeRequest request;
        request.set_pid(pid);
        v1::JudgeReply reply;
        const grpc::Status status = stub->Judge(&context, request, &reply);
        EXPECT_TRUE(status.ok()) << status.error_message();
        EXPECT_EQ(reply.message(), absl::StrCat(getpid(), " ", uid, " ", gid, " asked ", pid));
      });
    }
    for (std::thread& asker : askers) asker.join();
  }
}

pid_t SpawnChild(uid_t uid, gid_t gid, const std::string& path) {
  std::string variable = absl::StrCat(kChildVariable, "=", uid, " ", gid, " ", kRounds, " ", path);
  std::vector<char*> environment{variable.data()};
  for (char** entry = environ; *entry != nullptr; ++entry) environment.push_back(*entry);
  environment.push_back(nullptr);
  std::string program = BELFRY_BUILD_DIR "/tests/service_test";
  std::string filter = "--gtest_filter=IdentityChild.*";
  std::string disabled = "--gtest_also_run_disabled_tests";
  std::string brief = "--gtest_brief=1";
  char* arguments[] = {program.data(), filter.data(), disabled.data(), brief.data(), nullptr};
  pid_t pid = -1;
  return posix_spawn(&pid, program.c_str(), nullptr, nullptr, arguments, environment.data()) == 0 ? pid : -1;
}

using Identity = OpenDoorsTest;

TEST_F(Identity, FollowsTheConnectionUnderChurn) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root to ask as other users";
  std::vector<pid_t> children;
  for (int i = 0; i < kChildren; ++i) children.push_back(SpawnChild(20000 + i, 30000 + i, AttestPath()));
  for (const pid_t child : children) {
    ASSERT_GT(child, 0);
    int status = -1;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  }
  EXPECT_EQ(questions_.asked(), static_cast<size_t>(kChildren * kRounds * 4));
}

// A question that is still pending when its connection is closed and the number of its descriptor is given to someone
// else keeps the identity it was asked with, and its late answer reaches nobody.
TEST_F(Identity, IsNotInheritedByTheNextConnectionOnTheSameDescriptor) {
  questions_.Keep();
  {
    auto stub = AttestStub();
    grpc::ClientContext context;
    auto asked = std::async(std::launch::async, [&] {
      v1::JudgeRequest request;
      request.set_pid(1);
      v1::JudgeReply reply;
      return stub->Judge(&context, request, &reply);
    });
    questions_.AwaitAsked(1);
    context.TryCancel();
    EXPECT_EQ(asked.get().error_code(), grpc::StatusCode::CANCELLED);
  }
  questions_.Release();
  auto stub = AttestStub();
  grpc::ClientContext context;
  v1::JudgeRequest request;
  request.set_pid(2);
  v1::JudgeReply reply;
  ASSERT_TRUE(stub->Judge(&context, request, &reply).ok());
  EXPECT_EQ(reply.message(), absl::StrCat(getpid(), " ", getuid(), " ", getgid(), " asked 2"));
}

// The engine still thinks about a question whose asker is dead: its connection is gone all the same, others get in.
TEST_F(Identity, ADeadAskersPendingQuestionHoldsNobodyUp) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root to ask as other users";
  questions_.Keep();
  const pid_t child = SpawnChild(20000, 30000, AttestPath());
  ASSERT_GT(child, 0);
  questions_.AwaitAsked(4);
  kill(child, SIGKILL);
  ASSERT_EQ(waitpid(child, nullptr, 0), child);
  auto stub = AttestStub();
  grpc::ClientContext context;
  auto stream = stub->WatchMode(&context, v1::WatchModeRequest());
  questions_.AwaitStream();  // accepted, while the four are still pending
  context.TryCancel();
  questions_.Release();  // late answers for a connection that is gone
}

TEST_F(Identity, AdminIsForRootAndTheGroupOnly) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root to ask as other users";
  EXPECT_EQ(chmod(AdminPath().c_str(), 0666), 0);  // the gate does not rely on the file's mode
  const auto asks_as = [this](uid_t uid, gid_t gid, std::vector<gid_t> groups) {
    // No gRPC in a forked child: a refused peer's connection is closed without a byte, an admitted one gets SETTINGS.
    const pid_t child = fork();
    if (child == 0) {
      if (setgroups(groups.size(), groups.data()) || setresgid(gid, gid, gid) || setresuid(uid, uid, uid)) _exit(3);
      sockaddr_un address{.sun_family = AF_UNIX};
      AdminPath().copy(address.sun_path, sizeof(address.sun_path) - 1);
      const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
      char byte;
      if (connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0) _exit(4);
      _exit(read(fd, &byte, 1) == 1 ? 0 : 1);
    }
    int status = -1;
    waitpid(child, &status, 0);
    return WEXITSTATUS(status);
  };
  const gid_t nogroup = 65534;  // the admin group of this test
  EXPECT_EQ(asks_as(0, 0, {}), 0);
  EXPECT_EQ(asks_as(20001, nogroup, {}), 0);
  EXPECT_EQ(asks_as(20001, 20001, {7, nogroup}), 0);
  EXPECT_EQ(asks_as(20001, 20001, {7, 8}), 1);
}

}  // namespace
}  // namespace belfry::service
