// Stopping answers everybody; streams end with their reader; sockets are made and left as promised.
#include <sys/socket.h>
#include <sys/un.h>

#include <future>
#include <thread>

#include "service/listener.h"
#include "service/open_doors.h"

namespace belfry::service {
namespace {

using Stop = OpenDoorsTest;
using std::chrono::hours;
using std::chrono::milliseconds;

TEST_F(Stop, WaitsForAnswersOfPendingQuestions) {
  questions_.Keep();
  auto stub = AttestStub();
  auto asked = std::async(std::launch::async, [&] {
    grpc::ClientContext context;
    v1::JudgeReply reply;
    return stub->Judge(&context, v1::JudgeRequest(), &reply);
  });
  questions_.AwaitAsked(1);
  auto stopping = std::async(std::launch::async, [&] { doors_->Stop(hours(1)); });
  questions_.Release();
  EXPECT_TRUE(asked.get().ok());
  stopping.get();
}

TEST_F(Stop, CancelsWhatTheEngineNeverAnswers) {
  questions_.Keep();
  auto stub = AttestStub();
  auto asked = std::async(std::launch::async, [&] {
    grpc::ClientContext context;
    v1::JudgeReply reply;
    return stub->Judge(&context, v1::JudgeRequest(), &reply);
  });
  questions_.AwaitAsked(1);
  doors_->Stop(milliseconds(0));
  EXPECT_FALSE(asked.get().ok());
  questions_.Release();  // the late answer reaches nobody and touches nothing that is gone
}

TEST_F(Stop, EndsStreamsWithUnavailable) {
  auto stub = AttestStub();
  grpc::ClientContext context;
  auto stream = stub->WatchMode(&context, v1::WatchModeRequest());
  FakeQuestions::Stream feed = questions_.AwaitStream();
  EXPECT_TRUE(feed.send("spire-agent"));
  v1::ModeReply mode;
  ASSERT_TRUE(stream->Read(&mode));
  EXPECT_EQ(mode.guard(), "spire-agent");
  doors_->Stop(hours(1));  // would take the hour if streams were waited for
  EXPECT_FALSE(stream->Read(&mode));
  EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_FALSE(feed.send("late"));
  feed.ended(absl::OkStatus());
}

TEST_F(Stop, RemovesTheSocketsThatItMade) {
  EXPECT_EQ(access(AdminPath().c_str(), F_OK), 0);
  doors_->Stop(milliseconds(0));
  doors_.reset();
  EXPECT_NE(access(AttestPath().c_str(), F_OK), 0);
  EXPECT_NE(access(AdminPath().c_str(), F_OK), 0);
}

TEST_F(Stop, AStreamEndsWhenItsReaderGoes) {
  FakeQuestions::Stream feed;
  {
    auto stub = AdminStub();
    grpc::ClientContext context;
    auto stream = stub->Follow(&context, v1::FollowRequest());
    feed = questions_.AwaitStream();
    ASSERT_TRUE(feed.send("{}"));
    v1::FollowReply reply;
    ASSERT_TRUE(stream->Read(&reply));
    context.TryCancel();
    stream->Finish();
  }
  while (!feed.cancelled()) std::this_thread::yield();
  EXPECT_FALSE(feed.send("{}"));
}

TEST_F(Stop, StreamsTheEngineEndsDeliverWhatWasSentBefore) {
  auto stub = AdminStub();
  grpc::ClientContext context;
  auto stream = stub->Follow(&context, v1::FollowRequest());
  FakeQuestions::Stream feed = questions_.AwaitStream();
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(feed.send(std::to_string(i)));
  feed.ended(absl::OkStatus());
  v1::FollowReply reply;
  int read = 0;
  while (stream->Read(&reply)) EXPECT_EQ(reply.json(), std::to_string(read++));
  EXPECT_EQ(read, 100);
  EXPECT_TRUE(stream->Finish().ok());
}

TEST_F(Stop, AdminAnswersTravelWithTheirStatus) {
  auto stub = AdminStub();
  v1::SetModeRequest request;
  request.set_guard("nobody");
  v1::SetModeReply reply;
  grpc::ClientContext context;
  const grpc::Status status = stub->SetMode(&context, request, &reply);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(status.error_message(), "setting a mode: no guard is called nobody");
}

TEST(ListenerTest, TakesOverAStalePathAndRefusesALivingOne) {
  TemporaryFolder folder;
  const std::string path = folder.path() + "/s";
  {
    sockaddr_un address{.sun_family = AF_UNIX};
    path.copy(address.sun_path, sizeof(address.sun_path) - 1);
    kit::OwnedFd stale(socket(AF_UNIX, SOCK_STREAM, 0));
    ASSERT_EQ(bind(stale.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
  }
  auto first = Listener::Make(path, 0640, getgid());
  ASSERT_TRUE(first.ok()) << first.status();
  struct stat made;
  ASSERT_EQ(stat(path.c_str(), &made), 0);
  EXPECT_EQ(made.st_mode & 07777, 0640u);
  EXPECT_EQ(Listener::Make(path, 0640, getgid()).status().code(), absl::StatusCode::kAlreadyExists);
}

TEST(ListenerTest, RefusesWhatIsNoSocketAndWhatIsTooLong) {
  TemporaryFolder folder;
  EXPECT_EQ(Listener::Make(folder.path(), 0600, -1).status().code(), absl::StatusCode::kInvalidArgument);
  const auto too_long = Listener::Make(folder.path() + "/" + std::string(108, 'x'), 0600, -1);
  EXPECT_EQ(too_long.status().code(), absl::StatusCode::kInvalidArgument);
}

TEST(ListenerTest, AdoptsAListeningSocketAndLeavesItsFile) {
  TemporaryFolder folder;
  const std::string path = folder.path() + "/s";
  auto made = Listener::Make(path, 0600, -1);
  ASSERT_TRUE(made.ok());
  {
    auto adopted = Listener::Adopt(kit::OwnedFd(dup(made->fd())));
    ASSERT_TRUE(adopted.ok()) << adopted.status();
    EXPECT_EQ(adopted->path(), path);
  }
  EXPECT_EQ(access(path.c_str(), F_OK), 0);
  kit::OwnedFd connected(socket(AF_UNIX, SOCK_STREAM, 0));
  EXPECT_FALSE(Listener::Adopt(std::move(connected)).ok());
}

}  // namespace
}  // namespace belfry::service
