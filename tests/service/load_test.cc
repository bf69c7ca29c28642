// Many calls at once, slow readers, no descriptors left, too many connections: bounded, and nobody honest is lost.
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <atomic>
#include <latch>
#include <memory>
#include <set>
#include <thread>
#include <vector>

#include "service/attest_door.h"
#include "service/open_doors.h"
#include "service/peer_gate.h"

namespace belfry::service {
namespace {

using Load = OpenDoorsTest;

grpc::Status AskOnce(v1::Attest::Stub& stub, int pid) {
  grpc::ClientContext context;
  v1::JudgeRequest request;
  request.set_pid(pid);
  v1::JudgeReply reply;
  return stub.Judge(&context, request, &reply);
}

int Connect(const std::string& path) {
  sockaddr_un address{.sun_family = AF_UNIX};
  path.copy(address.sun_path, sizeof(address.sun_path) - 1);
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0) return fd;
  close(fd);
  return -1;
}

TEST_F(Load, TenThousandQuestionsAtOnceAreAllAnswered) {
  constexpr int kQuestions = 10000;
  struct Question {
    grpc::ClientContext context;
    v1::JudgeRequest request;
    v1::JudgeReply reply;
    grpc::Status status;
  };
  auto stub = AttestStub();
  std::vector<std::unique_ptr<Question>> questions;
  std::latch answered(kQuestions);
  questions_.Keep();  // as many as HTTP/2 lets through are pending at the same moment
  for (int i = 0; i < kQuestions; ++i) {
    Question* question = questions.emplace_back(std::make_unique<Question>()).get();
    question->request.set_pid(i);
    stub->async()->Judge(&question->context, &question->request, &question->reply,
                         [question, &answered](grpc::Status status) {
                           question->status = std::move(status);
                           answered.count_down();
                         });
  }
  questions_.AwaitAsked(1024);
  questions_.Release();
  answered.wait();
  std::set<std::string> messages;
  for (const auto& question : questions) {
    ASSERT_TRUE(question->status.ok()) << question->status.error_message();
    messages.insert(question->reply.message());
  }
  EXPECT_EQ(messages.size(), static_cast<size_t>(kQuestions));  // each got the answer to its own question
  EXPECT_EQ(questions_.asked(), static_cast<size_t>(kQuestions));
}

// What a follower has no room for is not taken; it stays, others go on, and it has room again once it reads.
TEST_F(Load, AFollowerThatDoesNotReadHasNoRoomUntilItDoes) {
  auto slow = AdminStub();
  grpc::ClientContext context;
  auto stream = slow->Follow(&context, v1::FollowRequest());
  FakeQuestions::Stream feed = questions_.AwaitStream();
  const std::string line(4096, 'x');
  size_t sent = 0;
  while (feed.send(line)) ASSERT_LT(++sent, 100000u) << "no bound on what waits for a slow reader";
  EXPECT_FALSE(feed.cancelled());
  v1::StatusReply status;
  grpc::ClientContext other;
  EXPECT_TRUE(AdminStub()->Status(&other, v1::StatusRequest(), &status).ok());
  v1::FollowReply reply;
  for (size_t i = 0; i < sent; ++i) ASSERT_TRUE(stream->Read(&reply));
  while (!feed.send("after")) std::this_thread::yield();  // the last write is noticed a moment later
  ASSERT_TRUE(stream->Read(&reply));
  EXPECT_EQ(reply.json(), "after");
}

TEST_F(Load, AWatcherThatNeverReadsEndsAloneAndIsToldSo) {
  auto slow = AttestStub();
  grpc::ClientContext context;
  auto stream = slow->WatchMode(&context, v1::WatchModeRequest());
  FakeQuestions::Stream feed = questions_.AwaitStream();
  const std::string line(4096, 'x');
  size_t sent = 0;
  while (feed.send(line)) ASSERT_LT(++sent, 100000u) << "no bound on what waits for a slow reader";
  EXPECT_TRUE(feed.cancelled());
  v1::StatusReply status;
  grpc::ClientContext other;
  EXPECT_TRUE(AdminStub()->Status(&other, v1::StatusRequest(), &status).ok());
  v1::ModeReply reply;
  while (stream->Read(&reply)) {
  }
  EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
}

TEST_F(Load, RunningOutOfDescriptorsRefusesAndRecovers) {
  auto stub = AttestStub();
  ASSERT_TRUE(AskOnce(*stub, 1).ok());  // an open connection, gRPC's own descriptors are made
  int knocking[4];
  for (int& fd : knocking) fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  rlimit before;
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  const int next = dup(knocking[0]);
  const rlimit none{.rlim_cur = static_cast<rlim_t>(next), .rlim_max = before.rlim_max};
  close(next);
  std::vector<int> filling;
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
  for (int fd; (fd = dup(knocking[0])) >= 0;) filling.push_back(fd);  // holes below the limit
  sockaddr_un address{.sun_family = AF_UNIX};
  AttestPath().copy(address.sun_path, sizeof(address.sun_path) - 1);
  for (const int fd : knocking) {
    EXPECT_EQ(connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
    char byte;
    EXPECT_LE(read(fd, &byte, 1), 0) << "accepted although no descriptor was left";  // closed, neither held nor spun on
  }
  EXPECT_TRUE(AskOnce(*stub, 2).ok());  // the connection that was there goes on
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
  for (const int fd : filling) close(fd);
  for (const int fd : knocking) close(fd);
  EXPECT_TRUE(AskOnce(*AttestStub(), 3).ok());
}

class Room : public testing::Test {
 protected:
  void OpenGate(GateOptions options) {
    auto listener = Listener::Make(folder_.path() + "/s", 0666, -1);
    ASSERT_TRUE(listener.ok()) << listener.status();
    auto gate = PeerGate::Open(*std::move(listener), std::move(options), [this](Connection& connection) {
      return std::make_unique<AttestDoor>(questions_, connection);
    });
    ASSERT_TRUE(gate.ok()) << gate.status();
    gate_ = *std::move(gate);
  }
  std::string path() const { return folder_.path() + "/s"; }

  TemporaryFolder folder_;
  FakeQuestions questions_;
  std::unique_ptr<PeerGate> gate_;
};

// True once the other side has closed; false once it has sent something (gRPC's SETTINGS).
bool ClosedAtOnce(int fd) {
  char byte;
  return read(fd, &byte, 1) <= 0;
}

TEST_F(Room, OneProcessGetsOnlySoMany) {
  OpenGate({.connections_per_process = 3});
  std::vector<int> held;
  for (int i = 0; i < 3; ++i) {
    held.push_back(Connect(path()));
    EXPECT_FALSE(ClosedAtOnce(held.back()));
  }
  const int refused = Connect(path());
  EXPECT_TRUE(ClosedAtOnce(refused));
  EXPECT_EQ(gate_->counts().refused, 1u);
  close(refused);
  for (const int fd : held) close(fd);
}

TEST_F(Room, WhoNeverBelongedMakesRoomForWhoeverComes) {
  OpenGate({.connections_per_process = 100, .connections = 3});
  auto channel = OwnChannel(path());
  auto plugin = v1::Attest::NewStub(channel);
  ASSERT_TRUE(AskOnce(*plugin, 1).ok());  // admitted: never evicted
  std::vector<int> idle;
  for (int i = 0; i < 10; ++i) {
    idle.push_back(Connect(path()));
    EXPECT_FALSE(ClosedAtOnce(idle.back()));
  }
  EXPECT_EQ(gate_->counts().evicted, 8u);
  EXPECT_EQ(gate_->counts().open, 3u);
  EXPECT_TRUE(AskOnce(*plugin, 2).ok());
  EXPECT_EQ(channel->GetState(false), GRPC_CHANNEL_READY);
  EXPECT_EQ(gate_->counts().accepted, 11u);  // the plugin never had to connect again
  for (const int fd : idle) close(fd);
}

TEST_F(Room, ACrowdLeavesDescriptorsForTheDaemon) {
  rlimit before;
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  const rlimit few{.rlim_cur = 256, .rlim_max = before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &few), 0);
  OpenGate({.connections_per_process = 100});
  std::vector<int> crowd;
  for (int i = 0; i < 60; ++i) {
    crowd.push_back(Connect(path()));
    EXPECT_FALSE(ClosedAtOnce(crowd.back()));
  }
  EXPECT_EQ(gate_->counts().open, 32u);  // an eighth
  EXPECT_EQ(gate_->counts().exhausted, 0u);
  for (const int fd : crowd) close(fd);
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
}

TEST_F(Room, WhoIsRefusedByTheEngineStaysEvictable) {
  OpenGate({.connections_per_process = 100, .connections = 1});
  questions_.Refuse(absl::StatusCode::kPermissionDenied);
  EXPECT_EQ(AskOnce(*v1::Attest::NewStub(OwnChannel(path())), 1).error_code(), grpc::StatusCode::PERMISSION_DENIED);
  const int next = Connect(path());
  EXPECT_FALSE(ClosedAtOnce(next));
  close(next);
}

}  // namespace
}  // namespace belfry::service
