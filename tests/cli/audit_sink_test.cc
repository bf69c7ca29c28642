// Where an audit's lines go besides standard output, and what people are spared.
#include "cli/audit_sink.h"

#include <gmock/gmock.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "cli/audit_folds.h"
#include "cli/outlet.h"
#include "support/temporary_folder.h"

namespace belfry::cli {
namespace {

using effect::Entry;
using testing::HasSubstr;
using testing::MatchesRegex;
using testing::StartsWith;

class Syslog : public testing::Test {
 protected:
  void SetUp() override {
    sockaddr_un address{.sun_family = AF_UNIX};
    path().copy(address.sun_path, sizeof address.sun_path - 1);
    ASSERT_EQ(bind(daemon_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  }
  std::string path() const { return folder_ / "log"; }
  std::string Receive() {
    std::string message(8192, 0);
    const ssize_t size = recv(daemon_.get(), message.data(), message.size(), 0);
    message.resize(size < 0 ? 0 : static_cast<size_t>(size));
    return message;
  }

  support::TemporaryFolder folder_;
  kit::OwnedFd daemon_{socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
};

TEST_F(Syslog, ALineIsAMessage) {
  const auto sink = AuditSink::Open(AuditSink::Kind::kSyslog, path());
  ASSERT_TRUE(sink.ok()) << sink.status();
  Outlet outlet({.fd = (*sink)->fd(),
                 .datagrams = (*sink)->datagrams(),
                 .prelude = "",
                 .render = [&](const OutletLine& line) { return (*sink)->Message(*line.entry, line.json); },
                 .closed = nullptr});
  Entry violation{.action = "refused", .violation = true}, connect{.action = "connect"}, lost{.action = "lost"};
  for (const Entry& entry : {violation, connect, lost})
    ASSERT_TRUE(outlet.Offer({std::make_shared<Entry>(entry), "{\"n\":1}"}, kit::Urgency::kOrdinary));
  EXPECT_EQ(outlet.Finish(std::chrono::milliseconds(5000)), 0u);
  EXPECT_THAT(Receive(), MatchesRegex("<84>[A-Z][a-z][a-z] [ 0-9][0-9] [0-9:]+ belfry\\[[0-9]+\\]: @cee: \\{\"n\":1\\}"));
  EXPECT_THAT(Receive(), StartsWith("<86>"));
  EXPECT_THAT(Receive(), StartsWith("<83>"));
}

TEST_F(Syslog, ADaemonThatIsSlowCostsLinesThatAreCounted) {
  const auto sink = AuditSink::Open(AuditSink::Kind::kSyslog, path());
  ASSERT_TRUE(sink.ok()) << sink.status();
  Outlet outlet({.fd = (*sink)->fd(),
                 .datagrams = true,
                 .room = 100'000,
                 .prelude = "",
                 .render = [](const OutletLine&) { return std::string(1000, 'x'); },
                 .closed = nullptr});
  constexpr uint64_t kMany = 5000;
  for (uint64_t i = 0; i < kMany; ++i) ASSERT_TRUE(outlet.Offer({std::make_shared<Entry>(), ""}, kit::Urgency::kOrdinary));
  const uint64_t not_written = outlet.Finish(std::chrono::milliseconds(200));
  EXPECT_GT(not_written, 0u);
  uint64_t came = 0;
  for (char byte; recv(daemon_.get(), &byte, 1, MSG_DONTWAIT) > 0;) ++came;
  EXPECT_EQ(came + not_written, kMany);
}

TEST(AuditSink, NobodyListens) {
  const auto sink = AuditSink::Open(AuditSink::Kind::kSyslog, "/nonexistent/log");
  EXPECT_THAT(std::string(sink.status().message()), HasSubstr("opening syslog at /nonexistent/log: No such file or directory; "));
}

TEST(AuditFolds, AViolationIsToldOnceAndThenCounted) {
  AuditFolds folds;
  const AuditFolds::Clock::time_point now{};
  Entry refused{.action = "refused", .guard = "docker", .pid = 1, .user = "ann", .reasons = {"send"}, .violation = true};
  EXPECT_TRUE(folds.Tells(refused, now));
  refused.pid = 2;  // another process of the same kind
  EXPECT_FALSE(folds.Tells(refused, now));
  EXPECT_FALSE(folds.Tells(refused, now));
  Entry other = refused;
  other.user = "bob";
  EXPECT_TRUE(folds.Tells(other, now));
  EXPECT_EQ(folds.Due(now), "");
  EXPECT_EQ(folds.Due(now + std::chrono::seconds(61)), "... 2 more of docker: refused by ? as ann: send\n");
  EXPECT_EQ(folds.Rest(), "");
}

TEST(AuditFolds, WhatIsNoViolationIsAlwaysTold) {
  AuditFolds folds;
  const Entry connect{.action = "connect", .guard = "docker", .verdict = "sound"};
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(folds.Tells(connect, {}));
  EXPECT_EQ(folds.Rest(), "");
}

}  // namespace
}  // namespace belfry::cli
