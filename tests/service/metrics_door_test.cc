// One question is answered; whoever asks it badly, slowly or too often keeps nobody from it.
#include "service/metrics_door.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <condition_variable>
#include <mutex>
#include <vector>

#include "service/http_request.h"
#include "service/loopback.h"
#include "support/stream_client.h"
#include "support/temporary_folder.h"

namespace belfry::service {
namespace {

using std::chrono::milliseconds;
using support::kScrape;
using support::StreamClient;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class MetricsDoorTest : public ::testing::Test {
 protected:
  void Open(MetricsDoorOptions options = {}) {
    auto listener = Listener::Make(Path(), 0600, static_cast<gid_t>(-1));
    ASSERT_TRUE(listener.ok()) << listener.status();
    Open(*std::move(listener), options);
  }
  void Open(MetricsDoor::Listening listening, MetricsDoorOptions options) {
    auto door = MetricsDoor::Open(std::move(listening), [this](auto done) { Asked(std::move(done)); }, options);
    ASSERT_TRUE(door.ok()) << door.status();
    door_ = *std::move(door);
  }
  std::string Path() const { return folder_ / "m.sock"; }

  // Stands for the loop: answers at once, or when it is let.
  void Asked(std::function<void(MetricsText)> done) {
    const std::lock_guard lock(mutex_);
    ++asked_;
    changed_.notify_all();
    if (holding_)
      held_.push_back(std::move(done));
    else
      done(Text());
  }
  MetricsText Text() {
    return [text = text_] { return text; };
  }
  void UntilAsked(int times) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return asked_ >= times; });
  }

  support::TemporaryFolder folder_;
  std::mutex mutex_;
  std::condition_variable changed_;
  int asked_ = 0;
  bool holding_ = false;
  std::vector<std::function<void(MetricsText)>> held_;
  std::string text_ = "a 1\n";
  std::unique_ptr<MetricsDoor> door_;
};

TEST_F(MetricsDoorTest, AnswersTheOneQuestion) {
  Open();
  const std::string answer = StreamClient(Path()).Ask(kScrape);
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\nContent-Length: 4\r\n"));
  EXPECT_THAT(answer, EndsWith("\r\n\r\na 1\n"));
  EXPECT_THAT(StreamClient(Path()).Ask("GET /metrics?collect=all HTTP/1.0\r\n\r\n"), EndsWith("a 1\n"));
}

TEST_F(MetricsDoorTest, AnswersOnLoopback) {
  const uint16_t port = support::FreePort();
  auto fd = ListenOnLoopback({"127.0.0.1", port});
  ASSERT_TRUE(fd.ok()) << fd.status();
  Open(*std::move(fd), {});
  EXPECT_THAT(StreamClient(port).Ask(kScrape), EndsWith("a 1\n"));
  const auto taken = ListenOnLoopback({"127.0.0.1", port});
  EXPECT_THAT(std::string(taken.status().message()), HasSubstr("stop what listens there, or name another port"));
}

TEST_F(MetricsDoorTest, RefusesEveryOtherQuestion) {
  Open();
  EXPECT_THAT(StreamClient(Path()).Ask("GET / HTTP/1.1\r\n\r\n"), StartsWith("HTTP/1.1 404 "));
  EXPECT_THAT(StreamClient(Path()).Ask("GET /metrics/../x HTTP/1.1\r\n\r\n"), StartsWith("HTTP/1.1 404 "));
  EXPECT_THAT(StreamClient(Path()).Ask("POST /metrics HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc"), StartsWith("HTTP/1.1 405 "));
  EXPECT_THAT(StreamClient(Path()).Ask("PRI * HTTP/2.0\r\n\r\n"), StartsWith("HTTP/1.1 400 "));
  EXPECT_THAT(StreamClient(Path()).Ask(" \r\n\r\n"), StartsWith("HTTP/1.1 400 "));
  EXPECT_THAT(StreamClient(Path()).Ask(std::string(64, '\0') + "\n\n"), StartsWith("HTTP/1.1 400 "));
  EXPECT_EQ(asked_, 0);
}

// What it goes on sending is taken: who is refused in the middle of a word does not look for an answer.
TEST_F(MetricsDoorTest, AHeadHasALimitAndItsSenderIsStillTold) {
  Open();
  StreamClient client(Path());
  EXPECT_TRUE(client.Send("GET /metrics HTTP/1.1\r\nX: " + std::string(4 << 20, 'x')));
  EXPECT_EQ(shutdown(client.fd(), SHUT_WR), 0);
  EXPECT_THAT(client.Rest(), StartsWith("HTTP/1.1 431 "));
}

TEST_F(MetricsDoorTest, AQuestionMayComeInPieces) {
  Open();
  StreamClient client(Path());
  for (const char byte : kScrape) client.Send({byte});
  EXPECT_THAT(client.Rest(), EndsWith("a 1\n"));
}

TEST_F(MetricsDoorTest, WhoSendsNothingOrDoesNotReadIsLetGo) {
  text_ = std::string(16 << 20, 'x');
  Open({.limit = milliseconds(100)});
  StreamClient silent(Path()), half(Path()), slow(Path());
  half.Send("GET /metr");
  slow.Send(kScrape);
  EXPECT_EQ(silent.Rest(), "");
  EXPECT_EQ(half.Rest(), "");
  EXPECT_LT(slow.Rest().size(), text_.size());  // what the socket held; the rest was not waited for
}

TEST_F(MetricsDoorTest, TheSlowKeepNobodyOut) {
  Open({.limit = std::chrono::hours(1), .connections = 4});
  std::vector<std::unique_ptr<StreamClient>> silent;
  for (int i = 0; i < 64; ++i) {
    silent.push_back(std::make_unique<StreamClient>(Path()));
    EXPECT_THAT(StreamClient(Path()).Ask(kScrape), EndsWith("a 1\n"));
  }
}

TEST_F(MetricsDoorTest, ManyAtOnceAskTheLoopOnce) {
  holding_ = true;
  Open({.limit = std::chrono::hours(1), .fresh = std::chrono::hours(1)});
  std::vector<std::unique_ptr<StreamClient>> clients;
  for (int i = 0; i < 8; ++i) {
    clients.push_back(std::make_unique<StreamClient>(Path()));
    clients.back()->Send(kScrape);
  }
  UntilAsked(1);
  held_.front()(Text());
  for (auto& client : clients) EXPECT_THAT(client->Rest(), EndsWith("a 1\n"));
  text_ = "a 2\n";
  EXPECT_THAT(StreamClient(Path()).Ask(kScrape), EndsWith("a 1\n"));  // fresh enough
  EXPECT_EQ(asked_, 1);
}

TEST_F(MetricsDoorTest, WhatIsNotFreshIsAskedAnew) {
  Open({.fresh = milliseconds(0)});
  StreamClient(Path()).Ask(kScrape);
  text_ = "a 2\n";
  EXPECT_THAT(StreamClient(Path()).Ask(kScrape), EndsWith("a 2\n"));
}

TEST_F(MetricsDoorTest, WhoLeavesWhileItIsGatheredIsForgotten) {
  holding_ = true;
  Open({.limit = std::chrono::hours(1)});
  {
    StreamClient leaver(Path());
    leaver.Send(kScrape);
    UntilAsked(1);
  }
  StreamClient stayer(Path());
  stayer.Send(kScrape);
  held_.front()(Text());
  EXPECT_THAT(stayer.Rest(), EndsWith("a 1\n"));
}

TEST_F(MetricsDoorTest, ALoopThatHasStoppedIsSaid) {
  holding_ = true;
  Open();
  StreamClient client(Path());
  client.Send(kScrape);
  UntilAsked(1);
  held_.front()(nullptr);
  EXPECT_THAT(client.Rest(), StartsWith("HTTP/1.1 503 "));
}

TEST_F(MetricsDoorTest, ItEndsAtOnceAndALateAnswerHarmsNobody) {
  holding_ = true;
  Open({.limit = std::chrono::hours(1)});
  StreamClient client(Path());
  client.Send(kScrape);
  UntilAsked(1);
  door_.reset();
  EXPECT_EQ(client.Rest(), "");
  EXPECT_FALSE(std::filesystem::exists(Path()));
  held_.front()(Text());
}

TEST(HttpRequest, IsReadWhateverItIs) {
  EXPECT_EQ(ReadHttpRequest(""), HttpAsked::kNotYet);
  EXPECT_EQ(ReadHttpRequest("GET /metrics HTTP/1.1\r\n"), HttpAsked::kNotYet);
  EXPECT_EQ(ReadHttpRequest("GET /metrics HTTP/1.1\n\n"), HttpAsked::kMetrics);
  EXPECT_EQ(ReadHttpRequest("GET  HTTP/1.1\r\n\r\n"), HttpAsked::kMalformed);
  EXPECT_EQ(ReadHttpRequest("\r\n\r\n"), HttpAsked::kMalformed);
  EXPECT_EQ(ReadHttpRequest(std::string(kHttpHeadLimit, 'x')), HttpAsked::kNotYet);
  EXPECT_EQ(ReadHttpRequest(std::string(kHttpHeadLimit + 1, 'x')), HttpAsked::kTooLong);
}

}  // namespace
}  // namespace belfry::service
