#include "evidence/process_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <malloc.h>

#include "evidence/decode.h"
#include "support/fake_kernel.h"

namespace belfry::evidence {
namespace {

using support::Pin;
using support::WithHeader;
using testing::ElementsAre;

belfry_event_exec Exec(const belfry_pin& pin, const std::string& argv, uint64_t time_ns,
                       const belfry_pin& parent = Pin(1, 1, 1)) {
  belfry_event_exec event{};
  event.process = support::Process(pin, support::File(pin.exec_id));
  event.process.exec_ns = time_ns;
  event.process.parent_tgid = parent.tgid;
  event.process.parent_start_ns = parent.start_ns;
  support::SetText(event.argv, argv);
  event.argv_bytes = argv.size();
  return WithHeader(event, BELFRY_KIND_EXEC, time_ns);
}

belfry_event_fork Fork(const belfry_pin& parent, uint32_t child, uint64_t time_ns) {
  belfry_event_fork event{};
  event.child = support::Process(Pin(child, time_ns, parent.exec_id), support::File(parent.exec_id));
  event.child.exec_ns = 1;
  event.child.parent_tgid = parent.tgid;
  event.child.parent_start_ns = parent.start_ns;
  return WithHeader(event, BELFRY_KIND_FORK, time_ns);
}

belfry_event_exit Exit(const belfry_pin& pin, uint64_t time_ns) {
  return WithHeader(belfry_event_exit{{}, pin}, BELFRY_KIND_EXIT, time_ns);
}

std::vector<uint32_t> Tgids(const std::vector<const KnownProcess*>& processes) {
  std::vector<uint32_t> out;
  for (const KnownProcess* p : processes) out.push_back(p->record.pin.tgid);
  return out;
}

TEST(ProcessTable, FollowsForkExecExit) {
  ProcessTable table;
  const belfry_pin shell = Pin(10, 100, 2);
  table.Apply(Exec(shell, "sh", 100));
  table.Apply(Fork(shell, 20, 200));
  ASSERT_NE(table.Find(20), nullptr);
  EXPECT_EQ(*table.Find(20)->argv, "sh");                 // inherited by fork
  EXPECT_EQ(table.Find(20)->argv, table.Find(10)->argv);  // and shared, not copied
  table.Apply(Exec(Pin(20, 200, 3), std::string("ls\0-l", 5), 300, shell));
  EXPECT_EQ(*table.Find(20)->argv, std::string("ls\0-l", 5));
  EXPECT_EQ(table.Find(20)->record.image.ino, 3u);
  EXPECT_THAT(Tgids(table.Ancestry(20)), ElementsAre(10));
  table.Apply(Exit(Pin(20, 200, 3), 400));
  EXPECT_EQ(table.live(), 1u);
  ASSERT_NE(table.Find(20), nullptr) << "kept for explain";
  EXPECT_EQ(table.Find(20)->exited_ns, 400u);
  EXPECT_THAT(Tgids(table.Ancestry(20)), ElementsAre(10));
}

TEST(ProcessTable, AncestryGoesThroughEndedParentsAndNearestFirst) {
  ProcessTable table;
  table.Apply(Exec(Pin(1, 1, 1), "init", 1, Pin(0, 0, 0)));
  table.Apply(Fork(Pin(1, 1, 1), 2, 20));
  table.Apply(Fork(Pin(2, 20, 1), 3, 30));
  table.Apply(Fork(Pin(3, 30, 1), 4, 40));
  table.Apply(Exit(Pin(3, 30, 1), 50));
  EXPECT_THAT(Tgids(table.Ancestry(4)), ElementsAre(3, 2, 1));
}

TEST(ProcessTable, AncestryNeverFollowsAReusedNumber) {
  ProcessTable table;
  table.Apply(Exec(Pin(2, 20, 1), "parent", 20, Pin(0, 0, 0)));
  table.Apply(Fork(Pin(2, 20, 1), 3, 30));
  table.Apply(Exit(Pin(2, 20, 1), 40));
  table.Apply(Exec(Pin(2, 50, 1), "namesake", 50, Pin(0, 0, 0)));
  ASSERT_EQ(table.Ancestry(3).size(), 1u);
  EXPECT_EQ(table.Ancestry(3)[0]->record.pin.start_ns, 20u);
  ProcessLimits forgetful;
  forgetful.exited = 0;
  ProcessTable small(forgetful);
  small.Apply(Exec(Pin(2, 20, 1), "parent", 20, Pin(0, 0, 0)));
  small.Apply(Fork(Pin(2, 20, 1), 3, 30));
  small.Apply(Exit(Pin(2, 20, 1), 40));
  small.Apply(Exec(Pin(2, 50, 1), "namesake", 50, Pin(0, 0, 0)));
  EXPECT_THAT(small.Ancestry(3), testing::IsEmpty()) << "unknown rather than wrong";
}

TEST(ProcessTable, ALoopOfParentsIsNotFollowed) {
  ProcessTable table;
  table.Apply(Exec(Pin(2, 20, 1), "a", 20, Pin(3, 20, 1)));
  table.Apply(Exec(Pin(3, 20, 1), "b", 20, Pin(2, 20, 1)));
  table.Apply(Exec(Pin(4, 20, 1), "c", 20, Pin(4, 20, 1)));
  table.Apply(Exec(Pin(5, 50, 1), "child of a younger one", 50, Pin(6, 60, 1)));
  table.Apply(Exec(Pin(6, 60, 1), "the younger one", 60, Pin(5, 50, 1)));
  EXPECT_THAT(table.Ancestry(2), testing::IsEmpty());
  EXPECT_THAT(table.Ancestry(5), testing::IsEmpty());
  EXPECT_THAT(Tgids(table.Ancestry(6)), ElementsAre(5));
  EXPECT_THAT(table.Ancestry(4), testing::IsEmpty());
}

belfry_event_exec Script(const belfry_pin& pin, const std::string& argv, const std::string& script, uint64_t time_ns) {
  belfry_event_exec event = Exec(pin, argv, time_ns);
  event.process.image_flags = BELFRY_IMAGE_INTERPRETED;
  support::SetText(event.process.filename, script);
  return event;
}
const std::string kNul(1, '\0');

TEST(ProcessTable, AScriptIsNamedAndSoAreItsForks) {
  ProcessTable table;
  table.Apply(Script(Pin(2, 20, 1), "/bin/sh" + kNul + "/opt/deploy.sh", "/opt/deploy.sh", 20));
  EXPECT_EQ(table.Find(2)->script, "/opt/deploy.sh");
  table.Apply(Fork(Pin(2, 20, 1), 3, 30));
  EXPECT_EQ(table.Find(3)->script, "/opt/deploy.sh");
  table.Apply(Exec(Pin(3, 30, 2), "curl" + kNul + "/opt/deploy.sh", 31));
  EXPECT_EQ(table.Find(3)->script, "") << "what it executes itself is not the script";
}

TEST(ProcessTable, EnvHandsItsScriptOn) {
  ProcessTable table;
  const std::string script = "/opt/backup.py";
  table.Apply(Script(Pin(2, 20, 1), "/usr/bin/env" + kNul + "python3" + kNul + script, script, 20));
  table.Apply(Exec(Pin(2, 20, 2), "python3" + kNul + script + kNul + "--all", 21));
  EXPECT_EQ(table.Find(2)->script, script);
  table.Apply(Exec(Pin(2, 20, 3), "cat" + kNul + script, 22));
  EXPECT_EQ(table.Find(2)->script, "") << "env hands on once";
  table.Apply(Script(Pin(3, 30, 1), "/usr/bin/env" + kNul + "python3" + kNul + script, script, 30));
  table.Apply(Exec(Pin(3, 30, 2), "python3", 31));
  EXPECT_EQ(table.Find(3)->script, "") << "not told of it";
}

TEST(ProcessTable, ALostExitIsNoticedWhenTheNumberComesBack) {
  ProcessTable table;
  table.Apply(Exec(Pin(2, 20, 1), "first", 20));
  table.Apply(Exec(Pin(2, 90, 1), "second", 90));
  EXPECT_EQ(*table.Find(2)->argv, "second");
  ASSERT_NE(table.Find(2, 20), nullptr);
  EXPECT_EQ(table.Find(2, 20)->exited_ns, 90u);
}

TEST(ProcessTable, LateWordsChangeNothing) {
  ProcessTable table;
  table.Apply(Exec(Pin(2, 20, 5), "now", 50));
  table.Apply(Exec(Pin(2, 20, 4), "before", 40));  // an older exec
  table.Apply(Fork(Pin(1, 1, 4), 2, 20));          // its fork, told after its exec
  table.Apply(Exit(Pin(2, 19, 5), 60));            // of another owner of the number
  EXPECT_EQ(*table.Find(2)->argv, "now");
  EXPECT_EQ(table.Find(2)->record.pin.exec_id, 5u);
  table.Apply(Exit(Pin(2, 20, 5), 70));
  table.Apply(Exec(Pin(2, 20, 5), "ghost", 65));  // it ended already
  EXPECT_EQ(table.live(), 0u);
  table.Apply(Exit(Pin(77, 1, 1), 80));
  EXPECT_EQ(table.exited(), 1u);
}

TEST(ProcessTable, ASnapshotAddsWhoIsMissingAndEndsWhoIsGone) {
  ProcessTable table;
  table.Apply(Exec(Pin(2, 20, 1), "known", 20));
  table.Apply(Exec(Pin(3, 30, 1), "gone", 30));
  table.Apply(Exec(Pin(4, 40, 1), "its exec was lost", 40));
  table.Apply(Exec(Pin(9, 900, 1), "younger than the snapshot", 900));
  std::vector<belfry_live> snapshot = {support::Live(Pin(2, 20, 1), support::File(1)),
                                       support::Live(Pin(4, 40, 2), support::File(1)),
                                       support::Live(Pin(5, 50, 7), support::File(1))};
  snapshot[2].parent_tgid = 2;
  snapshot[2].parent_start_ns = 20;
  support::SetText(snapshot[2].comm, "sixteen bytes long");
  table.Seed(snapshot, 500);
  EXPECT_EQ(*table.Find(2)->argv, "known");
  EXPECT_EQ(table.Find(2)->record.image_flags & BELFRY_IMAGE_BACKFILLED, 0u);
  EXPECT_EQ(table.Find(3)->exited_ns, 500u);
  EXPECT_EQ(table.Find(4)->argv, nullptr) << "what ran before the lost exec must not be shown as what runs";
  EXPECT_NE(table.Find(4)->record.image_flags & BELFRY_IMAGE_BACKFILLED, 0u);
  EXPECT_NE(table.Find(5)->record.image_flags & BELFRY_IMAGE_BACKFILLED, 0u);
  EXPECT_EQ(Text(table.Find(5)->record.comm), "sixteen bytes l");
  EXPECT_THAT(Tgids(table.Ancestry(5)), ElementsAre(2));
  EXPECT_EQ(table.Find(9)->exited_ns, 0u);
}

TEST(ProcessTable, IsBoundedAndSaysSo) {
  ProcessTable table({.live = 3, .exited = 2, .keep_exited_ns = 100});
  for (uint32_t tgid = 1; tgid <= 5; ++tgid) table.Apply(Exec(Pin(tgid, tgid, 1), "x", tgid));
  EXPECT_EQ(table.live(), 3u);
  EXPECT_EQ(table.not_kept(), 2u);
  for (uint32_t tgid = 1; tgid <= 3; ++tgid) table.Apply(Exit(Pin(tgid, tgid, 1), 1000 + tgid));
  EXPECT_EQ(table.exited(), 2u);
  EXPECT_EQ(table.Find(1), nullptr) << "the oldest goes first";
  table.Forget(1101);
  EXPECT_EQ(table.exited(), 2u);
  table.Forget(1102);
  EXPECT_EQ(table.exited(), 1u);
  EXPECT_EQ(table.Find(2), nullptr);
  EXPECT_NE(table.Find(3), nullptr);
}

// The daemon's budget is 32 MB at 10,000 processes; this table may have the half of it (arguments as long as they get).
TEST(ProcessTable, TenThousandProcessesFit) {
  const size_t before = mallinfo2().uordblks;
  ProcessTable table;
  for (uint32_t tgid = 1; tgid <= 10000; ++tgid) {
    table.Apply(Exec(Pin(tgid, tgid, 1), std::string(BELFRY_ARGV_BYTES, 'x'), tgid));
  }
  EXPECT_EQ(table.live(), 10000u);
  EXPECT_LT(mallinfo2().uordblks - before, 16u << 20);
}

}  // namespace
}  // namespace belfry::evidence
