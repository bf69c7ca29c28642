// A violation is in the log at once, named by who did it; the same again is counted; nothing of it is printed raw.
#include "engine/alarms.h"

#include <gmock/gmock.h>

#include "engine/scene.h"

namespace belfry::engine {
namespace {

using std::chrono::seconds;
using ::testing::HasSubstr;
using ::testing::Not;

class AlarmsTest : public Scene {
 protected:
  effect::Entry Violation(const std::string& exe, uint32_t pid = 7) {
    effect::Entry entry{.action = "refused", .guard = "g", .pid = pid, .user = "nobody", .reasons = {"send"}, .violation = true};
    entry.who = std::make_shared<const effect::Who>(effect::Who{.program = {.exe = exe, .comm = "nc"}});
    return entry;
  }
  size_t Lines() const {
    const std::string said = Said();
    return static_cast<size_t>(std::count(said.begin(), said.end(), '\n'));
  }

  const kit::Folding::Clock::time_point start_{};
};

TEST_F(AlarmsTest, TheFirstIsSaidTheSameIsCounted) {
  Alarms alarms(log_);
  alarms.Tell(Violation("/usr/bin/nc"), start_);
  EXPECT_EQ(Said(), "violation: guard g: refused by /usr/bin/nc as nobody: send; pid 7\n");
  for (uint32_t pid = 8; pid < 108; ++pid) alarms.Tell(Violation("/usr/bin/nc", pid), start_ + seconds(1));
  EXPECT_EQ(Lines(), 1u);
  alarms.Tell(Violation("/usr/bin/socat"), start_ + seconds(2));
  EXPECT_EQ(Lines(), 2u);
  alarms.Look(start_ + seconds(59));
  EXPECT_EQ(Lines(), 2u);
  alarms.Look(start_ + seconds(60));
  EXPECT_THAT(Said(), HasSubstr("refused by /usr/bin/nc as nobody: send; 100 more since it was last said\n"));
  EXPECT_EQ(Lines(), 3u);
}

TEST_F(AlarmsTest, WhatTheyChoseIsEscapedAndBounded) {
  Alarms alarms(log_);
  alarms.Tell(Violation("/tmp/x\n<0>belfryd: all is well\x1b[2J" + std::string(4000, 'y')), start_);
  EXPECT_EQ(Lines(), 1u);
  EXPECT_THAT(Said(), HasSubstr("/tmp/x\\x0a<0>belfryd"));
  EXPECT_THAT(Said(), Not(HasSubstr("\x1b")));
  EXPECT_LT(Said().size(), 500u);
}

TEST_F(AlarmsTest, AThousandKindsLoseNothingUncounted) {
  Alarms alarms(log_);
  for (int i = 0; i < 3000; ++i)
    for (int twice = 0; twice < 2; ++twice) alarms.Tell(Violation("/tmp/" + std::to_string(i)), start_);
  EXPECT_EQ(Lines(), 3000u);
  alarms.Look(start_ + seconds(60));
  EXPECT_THAT(Said(), HasSubstr("violation: 1976 more, of too many different kinds to tell"));
  EXPECT_EQ(Lines(), 3000u + 1024u + 1u);
}

TEST_F(AlarmsTest, NobodyHasToFollowForAViolationToBeSaid) {
  alarms_ = true;
  client_ = support::Pin(0x7FFFFFF0, 1000, 7);  // no number of a process here: nobody else can be taken for it
  Begin("mode: observe, allow: [{exe: /usr/bin/nobody-runs-this}]");
  AddClient();
  belfry_event_exec exec{};
  exec.process = kernel_->processes[client_.tgid];
  support::SetText(exec.process.filename, "/usr/bin/stranger");
  kernel_->Emit(support::WithHeader(exec, BELFRY_KIND_EXEC, 1));
  belfry_event_connect event{};
  event.cookie = kCookie;
  event.connection = kernel_->connections[kCookie].record;
  kernel_->Emit(support::WithHeader(event, BELFRY_KIND_CONNECT, 2));
  // In the same turn it runs something else: the alarm names who connected.
  exec.process.pin.exec_id = client_.exec_id + 1;
  support::SetText(exec.process.filename, "/usr/bin/payments");
  kernel_->Emit(support::WithHeader(exec, BELFRY_KIND_EXEC, 3));
  engine_->bench().drain();
  EXPECT_THAT(Said(), HasSubstr("violation: guard g: connect by /usr/bin/stranger as "));
  EXPECT_THAT(Said(), HasSubstr(": not_allowed; pid 2147483632: nearest rule 1: exe is"));
  EXPECT_THAT(Said(), HasSubstr("violation: guard g: taint by /usr/bin/payments as "));
  EXPECT_THAT(Said(), HasSubstr(": exec_after_connect; pid "));
}

TEST_F(AlarmsTest, WhoIsAllowedIsNoAlarm) {
  alarms_ = true;
  Begin();
  AddClient();
  belfry_event_connect event{};
  event.cookie = kCookie;
  event.connection = kernel_->connections[kCookie].record;
  kernel_->Emit(support::WithHeader(event, BELFRY_KIND_CONNECT, 2));
  ASSERT_TRUE(Judge().ok());
  EXPECT_THAT(Said(), Not(HasSubstr("violation")));
}

TEST_F(AlarmsTest, ACutFollowsWhatWasSaid) {
  alarms_ = true;
  Begin();
  AddClient();
  kernel_->connections[kCookie].record.taints = 1u << BELFRY_TAINT_FOREIGN_SENDER;
  ASSERT_TRUE(Judge().ok());
  ASSERT_EQ(cutter_->cut.size(), 1u);
  EXPECT_THAT(Said(), HasSubstr("violation: guard g: withheld by "));
  EXPECT_THAT(Said(), Not(HasSubstr(": cut by ")));
}

}  // namespace
}  // namespace belfry::engine
