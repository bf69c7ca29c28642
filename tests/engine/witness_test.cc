// Who is named in the lines that followers read: from the kernel's exec record, as of the connect, hostile names and all.
#include <gmock/gmock.h>

#include "engine/scene.h"

namespace belfry::engine {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr uint32_t kGone = 0x7ffffff0;  // no process has this number

class WitnessTest : public Scene {
 protected:
  void Begin(const std::string& text = "mode: observe") {
    Scene::Begin(text);
    engine_->Follow({.closings = closings_,
                     .take = [this](const effect::Line& line) { return lines_.push_back(line.entry()), true; },
                     .cancelled = [] { return false; },
                     .ended = [](const absl::Status&) {}});
  }
  static belfry_process Record(const belfry_pin& pin, const std::string& filename, const belfry_pin& parent = {}) {
    belfry_process process = support::Process(pin, support::File(300 + pin.exec_id));
    support::SetText(process.filename, filename);
    support::SetText(process.comm, filename.substr(filename.rfind('/') + 1));
    process.parent_tgid = parent.tgid;
    process.parent_start_ns = parent.start_ns;
    process.creds.euid = 0;
    return process;
  }
  void Exec(const belfry_process& process, const std::vector<std::string>& arguments = {}) {
    belfry_event_exec event{};
    event.process = process;
    std::string argv;
    for (const std::string& argument : arguments) argv += argument + '\0';
    memcpy(event.argv, argv.data(), argv.size());
    event.argv_bytes = argv.size();
    kernel_->Emit(support::WithHeader(event, BELFRY_KIND_EXEC, 6));
  }
  void Connect(const belfry_pin& pin, uint32_t taints = 0) {
    belfry_event_connect event{};
    event.cookie = kCookie;
    event.connection = support::Connection(pin, image_);
    event.connection.taints = taints;
    support::SetText(event.connection.comm, "client");
    kernel_->Emit(support::WithHeader(event, BELFRY_KIND_CONNECT, 7));
  }
  void Turn() { engine_->bench().drain(); }
  effect::Entry Only(const std::string& action) {
    std::vector<effect::Entry> found;
    for (const effect::Entry& line : lines_)
      if (line.action == action) found.push_back(line);
    EXPECT_THAT(found, SizeIs(1)) << action;
    return found.empty() ? effect::Entry{} : found.front();
  }

  bool closings_ = false;
  std::vector<effect::Entry> lines_;
};

TEST_F(WitnessTest, OneThatIsGoneAlreadyIsNamedByItsExec) {
  Begin();
  const belfry_pin shell = support::Pin(kGone - 1, 10, 1), pin = support::Pin(kGone, 20, 2);
  Exec(Record(shell, "/bin/bash"));
  Exec(Record(pin, "/opt/client", shell), {"client", "--now"});
  Connect(pin);
  Turn();
  const effect::Entry line = Only("connect");
  ASSERT_NE(line.who, nullptr);
  EXPECT_EQ(line.who->program.exe, "/opt/client");
  EXPECT_EQ(line.who->known_by, "exec");
  EXPECT_THAT(line.who->args, ElementsAre("client", "--now"));
  ASSERT_THAT(line.who->parents, SizeIs(1));
  EXPECT_EQ(line.who->parents[0].program.exe, "/bin/bash");
  EXPECT_EQ(line.who->parents[0].pid, kGone - 1);
  EXPECT_EQ(line.user, "root");
  EXPECT_EQ(line.verdict, "sound");
  EXPECT_EQ(line.outcome, "success");
  EXPECT_EQ(line.socket, dir_ + "/a.sock");
  EXPECT_FALSE(line.violation);
}

// All of it is read in one turn: what it executed later must not be what connected.
TEST_F(WitnessTest, ItIsNamedAsOfTheConnect) {
  Begin();
  const belfry_pin before = support::Pin(kGone, 20, 2), after = support::Pin(kGone, 20, 3);
  Exec(Record(before, "/opt/impostor"));
  Connect(before);
  kernel_->connections[kCookie] = {kCookie, support::Connection(before, image_)};
  Exec(Record(after, "/opt/trusted"));
  Turn();
  EXPECT_EQ(Only("connect").who->program.exe, "/opt/impostor");
  const effect::Entry taint = Only("taint");
  EXPECT_EQ(taint.who->program.exe, "/opt/trusted");
  EXPECT_THAT(taint.reasons, ElementsAre("exec_after_connect"));
  EXPECT_TRUE(taint.violation);
}

TEST_F(WitnessTest, AnExecThatTheRingLostIsInTheKernelsMap) {
  Begin();
  const belfry_pin pin = support::Pin(kGone, 20, 2);
  kernel_->processes[kGone] = Record(pin, "/opt/client");
  Connect(pin);
  Turn();
  EXPECT_EQ(Only("connect").who->program.exe, "/opt/client");
}

TEST_F(WitnessTest, ARecordOfAnotherExecIsNotTaken) {
  Begin();
  kernel_->processes[kGone] = Record(support::Pin(kGone, 20, 3), "/opt/later");
  Exec(Record(support::Pin(kGone, 20, 1), "/opt/earlier"));
  Connect(support::Pin(kGone, 20, 2));
  Turn();
  const effect::Entry line = Only("connect");
  EXPECT_EQ(line.who->program.exe, "");
  EXPECT_EQ(line.who->program.comm, "client") << "what the connect itself says";
  EXPECT_EQ(line.who->known_by, "connect");
}

TEST_F(WitnessTest, AScriptIsNamedWithItsInterpreter) {
  Begin();
  const belfry_pin script = support::Pin(kGone, 20, 2), child = support::Pin(kGone + 1, 30, 3);
  belfry_process record = Record(script, "/opt/deploy.sh");
  record.image_flags = BELFRY_IMAGE_INTERPRETED;
  Exec(record, {"/bin/sh", "/opt/deploy.sh"});
  Connect(script);
  Exec(Record(child, "/usr/bin/curl", script));
  Connect(child);
  Turn();
  ASSERT_THAT(lines_, SizeIs(2));
  EXPECT_EQ(lines_[0].who->program.script, "/opt/deploy.sh");
  EXPECT_EQ(lines_[0].who->program.exe, "/bin/sh");
  EXPECT_EQ(lines_[1].who->program.script, "");
  EXPECT_EQ(lines_[1].who->parents[0].program.script, "/opt/deploy.sh");
}

TEST_F(WitnessTest, OneFromBeforeIsReadFromProc) {
  Begin();
  const belfry_pin self = support::Pin(static_cast<uint32_t>(getpid()), 20, 2);
  belfry_process record = Record(self, "");
  record.image_flags = BELFRY_IMAGE_BACKFILLED;
  kernel_->processes[self.tgid] = record;
  kernel_->live[self.tgid] = support::Live(self, record.image);
  Connect(self);
  Turn();
  const effect::Entry line = Only("connect");
  EXPECT_EQ(line.who->program.exe, std::filesystem::read_symlink("/proc/self/exe"));
  EXPECT_EQ(line.who->known_by, "backfilled");
}

// /proc shows the new file from exec_mmap on, the kernel's record of the exec comes when the image is mapped.
TEST_F(WitnessTest, ProcIsNotBelievedOfAnExecUnderWay) {
  Begin();
  const belfry_pin self = support::Pin(static_cast<uint32_t>(getpid()), 20, 2);
  const belfry_process record = Record(self, "./client");
  kernel_->processes[self.tgid] = record;
  kernel_->live[self.tgid] = support::Live(self, support::File(999));
  Exec(record);
  Connect(self);
  Turn();
  EXPECT_EQ(Only("connect").who->program.exe, "./client");
}

// The number has another owner by now: what /proc shows is not believed.
TEST_F(WitnessTest, ProcIsNotBelievedOfAnother) {
  Begin();
  const belfry_pin before = support::Pin(static_cast<uint32_t>(getpid()), 20, 2);
  Exec(Record(before, "./client"));
  Connect(before);
  Turn();
  EXPECT_EQ(Only("connect").who->program.exe, "./client");
}

TEST_F(WitnessTest, AParentThatExecutedSinceIsToldAnew) {
  Begin();
  const belfry_pin parent = support::Pin(kGone, 10, 1), pin = support::Pin(kGone + 1, 20, 2);
  Exec(Record(parent, "/bin/first"));
  Exec(Record(pin, "/opt/client", parent));
  Connect(pin);
  Exec(Record(support::Pin(kGone, 10, 2), "/bin/second"));
  Connect(pin);
  Turn();
  ASSERT_THAT(lines_, SizeIs(2));
  EXPECT_EQ(lines_[0].who->parents[0].program.exe, "/bin/first");
  EXPECT_EQ(lines_[1].who->parents[0].program.exe, "/bin/second");
}

TEST_F(WitnessTest, TheVerdictIsThatOfTheGuard) {
  Begin("mode: observe, withhold_on: [untrusted_code]");
  const belfry_pin pin = support::Pin(kGone, 20, 2);
  belfry_process record = Record(pin, "/opt/client");
  record.image_flags = BELFRY_IMAGE_PRELOAD;
  Exec(record);
  Connect(pin);
  Connect(support::Pin(kAgent, kAgent, 1), 1u << BELFRY_TAINT_AMBIGUOUS);
  Turn();
  ASSERT_THAT(lines_, SizeIs(2));
  EXPECT_EQ(lines_[0].verdict, "withheld");
  EXPECT_THAT(lines_[0].reasons, ElementsAre("untrusted_code"));
  EXPECT_TRUE(lines_[0].violation);
  EXPECT_EQ(lines_[1].verdict, "own");
  EXPECT_FALSE(lines_[1].violation);
}

TEST_F(WitnessTest, WhatOneMindsIsNoViolationForAnother) {
  Begin();
  const belfry_pin pin = support::Pin(kGone, 20, 2);
  belfry_process record = Record(pin, "/opt/client");
  record.image_flags = BELFRY_IMAGE_PRELOAD;
  Exec(record);
  Connect(pin);
  Turn();
  EXPECT_EQ(Only("connect").verdict, "sound");
  EXPECT_FALSE(Only("connect").violation);
}

TEST_F(WitnessTest, ARefusedUseNamesWhoTried) {
  Begin();
  const belfry_pin thief = support::Pin(kGone, 20, 2);
  Exec(Record(thief, "/opt/thief"));
  belfry_event_refused event{};
  event.cookie = kCookie;
  event.by = thief;
  event.use = BELFRY_USE_SEND;
  support::SetText(event.comm, "thief");
  kernel_->Emit(support::WithHeader(event, BELFRY_KIND_REFUSED, 7));
  Turn();
  const effect::Entry line = Only("refused");
  EXPECT_EQ(line.who->program.exe, "/opt/thief");
  EXPECT_THAT(line.reasons, ElementsAre("send"));
  EXPECT_TRUE(line.violation);
}

TEST_F(WitnessTest, LossesAreLines) {
  Begin();
  kernel_->counters = {{.name = "connect_ready", .lost_ring = 3}};
  Until([&] { return !lines_.empty(); });
  EXPECT_EQ(Only("lost").count, 3u);
  EXPECT_EQ(Only("lost").kernel_program, "connect_ready");
  kernel_->counters[0].lost_map = 2;
  Until([&] { return lines_.size() > 1; });
  ASSERT_THAT(lines_, SizeIs(2)) << "each loss once";
  EXPECT_EQ(lines_[1].count, 2u);
}

TEST_F(WitnessTest, AClosedConnectionIsTold) {
  closings_ = true;
  Begin();
  const belfry_pin pin = support::Pin(kGone, 20, 2);
  Exec(Record(pin, "/opt/client"));
  Connect(pin);
  Turn();
  kernel_->connections[kCookie] = {kCookie, support::Connection(pin, image_), false, false};
  belfry_event_exit event{};
  event.pin = pin;
  kernel_->Emit(support::WithHeader(event, BELFRY_KIND_EXIT, 8));
  Turn();
  EXPECT_EQ(Only("closed").who->program.exe, "/opt/client");
}

// A flood of connects that end must not fill the kernel's map until the next sweep.
TEST_F(WitnessTest, ManyConnectionsAreSweptEarly) {
  Begin();
  const belfry_pin pin = support::Pin(kGone, 20, 2);
  for (uint64_t cookie = 1000; cookie < 1000 + 20000; ++cookie) {
    belfry_event_connect event{};
    event.cookie = cookie;
    event.connection = support::Connection(pin, image_);
    kernel_->connections[cookie] = {cookie, event.connection, false, false};
    kernel_->Emit(support::WithHeader(event, BELFRY_KIND_CONNECT, 5));
  }
  const int before = kernel_->signs_of_life;  // one at each ordinary sweep
  Until([&] { return kernel_->connections.empty(); });
  EXPECT_EQ(kernel_->signs_of_life, before) << "it was the ordinary sweep";
}

TEST_F(WitnessTest, NobodyFollowsNobodyIsNamed) {
  Scene::Begin();
  Exec(Record(support::Pin(kGone, 20, 2), "/opt/client"));
  Connect(support::Pin(kGone, 20, 2));
  Turn();
  EXPECT_THAT(lines_, IsEmpty());
}

}  // namespace
}  // namespace belfry::engine
