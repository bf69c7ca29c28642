// Who may connect by a guard's rules: told at once, cut where the guard denies, and asked again at each verdict.
#include "engine/gate.h"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include <fstream>

#include "effect/entry_json.h"
#include "engine/scene.h"

namespace belfry::engine {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

class GateTest : public Scene {
 protected:
  // Descriptors are what stat says of them; the client runs `exe_`.
  void BeginWith(const std::string& text) {
    std::ofstream(Exe()) << "program";
    Begin(text);
    kernel_->describe = [](int fd) -> std::optional<belfry_described_file> {
      struct stat at {};
      if (fstat(fd, &at) != 0) return std::nullopt;
      belfry_described_file file{};
      file.id = support::File(at.st_ino);
      return file;
    };
    engine_->gate().WatchFiles();
    Follow();
  }
  std::string Exe() const { return dir_ + "/payments"; }
  belfry_file_id Image() const {
    struct stat at {};
    EXPECT_EQ(stat(Exe().c_str(), &at), 0);
    return support::File(at.st_ino);
  }
  void Follow() {
    engine_->questions().Follow({}, [] {},
                                [this](const std::string& line, kit::Urgency urgency) {
                                  lines_.push_back(*effect::FromJson(line));
                                  if (urgency == kit::Urgency::kUrgent) ++urgent_;
                                  return true;
                                },
                                [] { return false; }, [](const absl::Status&) {});
    engine_->loop().Turn(std::chrono::milliseconds(0));
  }
  belfry_connection Client(const belfry_file_id& image, uint32_t uid = 1000) {
    kernel_->AddProcess(client_, image);
    kernel_->processes[client_.tgid].exec_ns = exec_ns_;
    belfry_connection connection = support::Connection(client_, image);
    connection.creds.euid = connection.creds.uid = uid;
    kernel_->AddConnection(kCookie, connection);
    kernel_->sockets.push_back(ServerEnd(kCookie, client_.tgid));
    return connection;
  }
  // The line of its connect.
  effect::Entry Connect(const belfry_connection& connection) {
    belfry_event_connect event{};
    event.cookie = kCookie;
    event.connection = connection;
    kernel_->Emit(support::WithHeader(event, BELFRY_KIND_CONNECT, 5));
    engine_->bench().drain();
    EXPECT_FALSE(lines_.empty());
    for (const effect::Entry& line : lines_)
      if (line.action == "connect") return line;
    return {};
  }
  int urgent_ = 0;
  uint64_t exec_ns_ = 1;
};

TEST_F(GateTest, WhomARuleFitsMayConnect) {
  BeginWith("mode: deny, allow: [{name: payments, exe: " + Exe() + ", uid: 1000}]");
  const effect::Entry line = Connect(Client(Image()));
  EXPECT_FALSE(line.violation);
  EXPECT_EQ(line.rule, "payments");
  EXPECT_EQ(line.verdict, "sound");
  EXPECT_THAT(cutter_->cut, IsEmpty());
}

TEST_F(GateTest, WhomNoRuleFitsIsToldAtOnceAndCut) {
  BeginWith("mode: deny, allow: [{name: payments, exe: " + Exe() + ", uid: 1000}]");
  const effect::Entry line = Connect(Client(Image(), 1001));
  EXPECT_TRUE(line.violation);
  EXPECT_EQ(line.rule, "payments");
  EXPECT_THAT(line.reasons, Contains("not_allowed"));
  EXPECT_EQ(line.message, "nearest rule payments: uid is 1001, not 1000");
  EXPECT_EQ(urgent_, 2) << "this line, and that it was cut";
  EXPECT_EQ(cutter_->cut.size(), 1u);
}

TEST_F(GateTest, ObserveAndWarnOnlyTell) {
  for (const char* mode : {"observe", "warn"}) {
    lines_.clear();
    BeginWith(std::string("mode: ") + mode + ", allow: [{uid: 1}]");
    EXPECT_TRUE(Connect(Client(Image())).violation) << mode;
    EXPECT_THAT(cutter_->cut, IsEmpty()) << mode;
    EXPECT_EQ(engine_->guards().ByName("g")->tally.would_withhold["not_allowed"], 1u) << mode;
  }
}

TEST_F(GateTest, ARuleMayRefuseWhereTheGuardWarnsAndWarnWhereItDenies) {
  BeginWith("mode: warn, allow: [{uid: 1000, mode: deny}]");
  EXPECT_TRUE(Connect(Client(Image())).violation);
  EXPECT_EQ(cutter_->cut.size(), 1u);
  lines_.clear();
  BeginWith("mode: deny, allow: [{uid: 1000, mode: warn}]");
  EXPECT_TRUE(Connect(Client(Image())).violation);
  EXPECT_THAT(Reasons(Judge()), IsEmpty());
  EXPECT_THAT(cutter_->cut, IsEmpty());
}

TEST_F(GateTest, TheOffSwitchIsOverRulesToo) {
  BeginWith("mode: observe, allow: [{uid: 1000, mode: deny}]");
  EXPECT_TRUE(Connect(Client(Image())).violation);
  EXPECT_THAT(cutter_->cut, IsEmpty());
}

TEST_F(GateTest, TheGuardsOwnBranchIsNeverAsked) {
  BeginWith("mode: deny, allow: []");
  client_ = support::Pin(kAgent, kAgent, 1);
  EXPECT_FALSE(Connect(Client(support::File(100))).violation);
  EXPECT_THAT(cutter_->cut, IsEmpty());
}

TEST_F(GateTest, WhoCalledListenIsItsOwnClientBeforeItIsEnrolled) {
  BeginWith("mode: deny, allow: []");
  belfry_connection connection = Client(Image());
  connection.listener_tgid = client_.tgid;
  EXPECT_FALSE(Connect(connection).violation);
}

TEST_F(GateTest, AnotherFileOfTheSamePathIsAnother) {
  BeginWith("mode: deny, allow: [{exe: " + Exe() + "}]");
  EXPECT_TRUE(Connect(Client(support::File(4711))).violation);
}

TEST_F(GateTest, AnExecutableThatIsNotThereYetCountsFromWhenItIs) {
  BeginWith("mode: deny, allow: [{exe: " + dir_ + "/later}]");
  EXPECT_FALSE(engine_->gate().Look() && Connect(Client(support::File(4711))).rule == "x");
  ASSERT_EQ(cutter_->cut.size(), 1u) << "nobody is it yet";
  std::filesystem::rename(Exe(), dir_ + "/later");
  lines_.clear();
  struct stat at {};
  ASSERT_EQ(stat((dir_ + "/later").c_str(), &at), 0);
  engine_->gate().Look();
  EXPECT_TRUE(engine_->gate().Ask(*engine_->guards().ByName("g"), Client(support::File(at.st_ino)), {}).allowed);
}

// An upgrade under a running service, and the service that is started after it.
TEST_F(GateTest, AReplacedExecutableIsFollowed) {
  BeginWith("mode: deny, allow: [{exe: " + Exe() + "}]");
  const belfry_file_id old = Image();
  std::ofstream(Exe() + ".new") << "program 2";
  std::filesystem::rename(Exe() + ".new", Exe());
  engine_->gate().Look();
  const auto allowed = [&](const belfry_file_id& image) {
    return engine_->gate().Ask(*engine_->guards().ByName("g"), Client(image), {}).allowed;
  };
  EXPECT_TRUE(allowed(Image())) << "the new one";
  EXPECT_TRUE(allowed(old)) << "executed before the upgrade";
  exec_ns_ = UINT64_MAX;
  EXPECT_FALSE(allowed(old)) << "a number that came back";
  EXPECT_TRUE(allowed(Image()));
}

TEST_F(GateTest, WhatIsElsewhereOrOlderIsNoExecutableOfTheHosts) {
  BeginWith("mode: deny, allow: [{exe: " + Exe() + "}]");
  belfry_connection connection = Client(Image());
  const auto why = [&] { return engine_->gate().Ask(*engine_->guards().ByName("g"), connection, {}).why; };
  EXPECT_EQ(why(), "");
  connection.place = BELFRY_PLACE_USERNS;
  EXPECT_THAT(why(), HasSubstr("its mount namespace or root is not the host's"));
  connection.place = 0;
  kernel_->processes[client_.tgid].image_flags = BELFRY_IMAGE_BACKFILLED;
  EXPECT_THAT(why(), HasSubstr("it is older than Belfry"));
  kernel_->processes.erase(client_.tgid);
  EXPECT_THAT(why(), HasSubstr("it had ended or become another"));
}

TEST_F(GateTest, SupplementaryGroupsAreThoseOfTheLivingProcess) {
  BeginWith("mode: deny, allow: [{gid: 0}, {gid: 77}]");
  belfry_connection connection = Client(Image());
  connection.creds.egid = 77;
  EXPECT_TRUE(engine_->gate().Ask(*engine_->guards().ByName("g"), connection, {}).allowed);
  connection.creds.egid = 78;
  kernel_->live.erase(client_.tgid);
  EXPECT_THAT(engine_->gate().Ask(*engine_->guards().ByName("g"), connection, {}).why,
              HasSubstr("perhaps more: its supplementary groups: it had ended"));
}

TEST_F(GateTest, AConnectThatTheRingLostIsFoundByTheSweep) {
  BeginWith("mode: deny, allow: [{uid: 1}]");
  Client(Image());
  evidence::Gaps gaps;
  Cuts cuts(engine_->loop(), *kernel_, *cutter_, engine_->journal(), engine_->guards());
  Sweep sweep(*kernel_, engine_->guards(), engine_->seen(), cuts, engine_->gate(), gaps, engine_->bench().drain);
  ASSERT_TRUE(sweep.Connections(5).ok());
  EXPECT_EQ(cutter_->cut.size(), 1u);
  ASSERT_FALSE(lines_.empty());
  EXPECT_EQ(lines_.front().action, "not_allowed");
  EXPECT_TRUE(lines_.front().violation);
  const size_t told = lines_.size();
  ASSERT_TRUE(sweep.Connections(6).ok());
  EXPECT_EQ(lines_.size(), told) << "once";
}

TEST_F(GateTest, TheSweepDoesNotOvertakeTheStream) {
  BeginWith("mode: deny, allow: [{exe: " + Exe() + "}]");
  const belfry_connection connection = Client(Image());
  belfry_event_exec executed{};
  executed.process = kernel_->processes[client_.tgid];
  kernel_->Emit(support::WithHeader(executed, BELFRY_KIND_EXEC, 4));
  belfry_event_connect event{};
  event.cookie = kCookie;
  event.connection = connection;
  kernel_->Emit(support::WithHeader(event, BELFRY_KIND_CONNECT, 5));
  // It ends before its connect was looked at; somebody else holds its end.
  kernel_->RemoveProcess(client_.tgid);
  evidence::Gaps gaps;
  Cuts cuts(engine_->loop(), *kernel_, *cutter_, engine_->journal(), engine_->guards());
  Sweep sweep(*kernel_, engine_->guards(), engine_->seen(), cuts, engine_->gate(), gaps, engine_->bench().drain);
  ASSERT_TRUE(sweep.Connections(5).ok());
  for (const effect::Entry& line : lines_) EXPECT_THAT(line.reasons, Not(Contains("not_allowed"))) << line.message;
}

// Too many paths to look at all of them for one connect; it has ended, so /proc names none.
TEST_F(GateTest, AFileReplacedSinceTheLastLookIsFoundByTheNameInTheRecord) {
  std::string rules = "{exe: " + Exe() + "}";
  for (int i = 0; i < 300; ++i) rules += ", {exe: " + dir_ + "/other" + std::to_string(i) + "}";
  BeginWith("mode: deny, allow: [" + rules + "]");
  std::ofstream(dir_ + "/next") << "program";
  std::filesystem::rename(dir_ + "/next", Exe());
  client_.tgid = 4'000'000;
  const belfry_connection connection = Client(Image());
  support::SetText(kernel_->processes[client_.tgid].filename, Exe().c_str());
  EXPECT_FALSE(Connect(connection).violation);
}

TEST_F(GateTest, NoIdentityGoesToWhomNoRuleFits) {
  BeginWith("mode: warn, allow: [{uid: 1}]");
  Client(Image());
  EXPECT_THAT(Reasons(Judge()), ElementsAre("not_allowed"));
}

TEST_F(GateTest, WithoutRulesEveryoneMayConnect) {
  BeginWith("mode: deny");
  EXPECT_FALSE(Connect(Client(Image())).violation);
  EXPECT_THAT(Reasons(Judge()), IsEmpty());
}

TEST_F(GateTest, TheDigestIsWaitedForAndDecides) {
  BeginWith("mode: deny, allow: [{sha256: " + std::string(64, 'a') + "}]");
  const effect::Entry line = Connect(Client(Image()));
  EXPECT_FALSE(line.violation) << "not known yet";
  Until([&] { return cutter_->cut.size() == 1; });
  EXPECT_TRUE(std::any_of(lines_.begin(), lines_.end(), [](const effect::Entry& one) { return one.action == "not_allowed"; }));
}

class PolicyStory : public GateTest {
 protected:
  absl::StatusOr<v1::PolicyReply> Explain(const std::string& guard = "g", int pid = getpid()) {
    v1::PolicyRequest request;
    request.set_pid(pid);
    request.set_guard(guard);
    std::optional<absl::StatusOr<v1::PolicyReply>> answer;
    engine_->questions().ExplainPolicy({.tgid = kPlugin}, request, [&](const auto& reply) { answer = reply; });
    Until([&] { return answer.has_value(); });
    return *answer;
  }
};

TEST_F(PolicyStory, SaysWhichFieldOfTheNearestRuleFails) {
  BeginWith("mode: deny, allow: [{name: payments, exe: " + Exe() + ", uid: 70, not: {unit: x.service}}]");
  Client(Image());
  const auto story = Explain();
  ASSERT_TRUE(story.ok()) << story.status();
  EXPECT_EQ(story->answer(), "not_allowed");
  EXPECT_EQ(story->says(), "deny");
  EXPECT_EQ(story->rule(), "payments");
  EXPECT_FALSE(story->fits());
  ASSERT_EQ(story->fields_size(), 3);
  EXPECT_EQ(story->fields(0).field(), "exe");
  EXPECT_TRUE(story->fields(0).holds());
  EXPECT_EQ(story->fields(1).asked(), "70");
  EXPECT_EQ(story->fields(1).found(), "1000");
  EXPECT_FALSE(story->fields(1).holds());
  EXPECT_TRUE(story->fields(2).excluded());
}

TEST_F(PolicyStory, OfOneThatIsNotConnectedToo) {
  BeginWith("mode: warn, allow: [{name: all, uid: 0}]");
  kernel_->AddProcess(client_, Image());
  const auto story = Explain();
  ASSERT_TRUE(story.ok()) << story.status();
  EXPECT_EQ(story->answer(), "allowed");
  EXPECT_EQ(story->rule(), "all");
  EXPECT_TRUE(story->fits());
}

TEST_F(PolicyStory, SaysWhatItCannotAnswer) {
  BeginWith("mode: warn");
  EXPECT_EQ(Explain("g", kAgent)->answer(), "no_rules");
  EXPECT_THAT(std::string(Explain("h").status().message()), HasSubstr("no guard is named \"h\""));
  EXPECT_THAT(std::string(Explain("g", 999).status().message()), HasSubstr("no living process has the number 999"));
}

}  // namespace
}  // namespace belfry::engine
