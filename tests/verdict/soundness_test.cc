#include "verdict/soundness.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "verdict/honest.h"

namespace belfry::verdict {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

struct Case {
  const char* what;
  std::function<void(Facts&)> change;
  std::vector<std::string> reasons;  // all of them; empty: sound
};

belfry_connection& Record(Facts& f) { return f.connections[0].record; }

TEST(Judge, TheHonestOneIsSound) {
  const Verdict verdict = Judge(HonestFacts(), {});
  EXPECT_EQ(verdict.outcome, Outcome::kSound);
  EXPECT_THAT(verdict.reasons, IsEmpty());
  EXPECT_EQ(verdict.taints, 0u);
  EXPECT_TRUE(verdict.image_proven && verdict.path_proven && verdict.preload_proven);
  EXPECT_THAT(verdict.to_cut, IsEmpty());
}

// Each taint that the kernel part set, alone, withholds by its own name, or is class B and does not.
TEST(Judge, EachRecordedTaintCountsByItself) {
  for (int taint = 0; taint < BELFRY_TAINT_COUNT; ++taint) {
    Facts facts = HonestFacts();
    Record(facts).taints = 1u << taint;
    const Verdict verdict = Judge(facts, {});
    EXPECT_EQ(verdict.taints, 1u << taint);
    if (IsClassA(taint)) {
      EXPECT_EQ(verdict.outcome, Outcome::kWithheld) << TaintName(taint);
      EXPECT_THAT(verdict.reasons, ElementsAre(TaintName(taint)));
      EXPECT_THAT(verdict.to_cut, ElementsAre(kCookie)) << TaintName(taint);
      EXPECT_FALSE(verdict.image_proven || verdict.path_proven || verdict.preload_proven);
    } else {
      EXPECT_EQ(verdict.outcome, Outcome::kSound) << TaintName(taint);
      EXPECT_THAT(verdict.to_cut, IsEmpty());
      GuardPolicy strict;
      strict.withhold_on = 1u << taint;
      EXPECT_THAT(Judge(facts, strict).reasons, ElementsAre(TaintName(taint)));
      EXPECT_THAT(Judge(facts, strict).to_cut, ElementsAre(kCookie));
      strict.withhold_on = ~(1u << taint);
      EXPECT_EQ(Judge(facts, strict).outcome, Outcome::kSound) << "another taint's rule must not hit this one";
    }
  }
}

TEST(Judge, ATaintOfANewerKernelPartIsNotTakenForHarmless) {
  Facts facts = HonestFacts();
  Record(facts).taints = 1u << BELFRY_TAINT_COUNT;
  EXPECT_EQ(Judge(facts, {}).outcome, Outcome::kWithheld);
}

TEST(Judge, WithholdsExactlyForWhatIsWrong) {
  const belfry_file_id other = support::File(43, 8, 1);
  const Case cases[] = {
      {"opener's number belongs to another process",
       [](Facts& f) { Record(f).opener.start_ns = 999; },
       {"opener_exited"}},
      {"number comes back with the same exec id and image",
       [](Facts& f) {
         Now(f, [](belfry_live& l) { l.pin.start_ns = 2000; });
         f.process->pin.start_ns = 2000;
       },
       {"opener_exited"}},
      {"exec since connect", [](Facts& f) { Record(f).opener.exec_id = 2; }, {"exec_after_connect"}},
      {"exec of the very same file since connect",
       [](Facts& f) {
         Now(f, [](belfry_live& l) { ++l.pin.exec_id; });
         ++f.process->pin.exec_id;
       },
       {"exec_after_connect"}},
      {"exe_file is not the image (trap 1)",
       [&](Facts& f) { Now(f, [&](belfry_live& l) { l.exe = other; }); },
       {"exe_replaced"}},
      {"exe_file was not the image at connect, and is again",
       [&](Facts& f) { Record(f).exe = other; },
       {"exe_replaced"}},
      {"exe_file was swapped before connect and still is",
       [&](Facts& f) {
         Now(f, [&](belfry_live& l) { l.exe = other; });
         Record(f).exe = other;
       },
       {"exe_replaced"}},
      {"another generation of the same inode",
       [](Facts& f) { Now(f, [](belfry_live& l) { ++l.exe.generation; }); },
       {"exe_replaced"}},
      {"same inode number on another device",
       [](Facts& f) { Now(f, [](belfry_live& l) { ++l.exe.dev; }); },
       {"exe_replaced"}},
      {"no exec record, and another executable than at connect",
       [&](Facts& f) {
         f.process.reset();
         Now(f, [&](belfry_live& l) { l.exe = other; });
       },
       {"exe_replaced"}},
      {"inside an exec: record still of the old image, id already new (trap 8)",
       [](Facts& f) { --f.process->pin.exec_id; },
       {"exec_after_connect"}},
      {"exec between the two looks", [](Facts& f) { ++f.live_after->pin.exec_id; }, {"exec_after_connect"}},
      {"executable changed between the two looks",
       [&](Facts& f) { f.live_after->exe = other; },
       {"exec_after_connect"}},
      {"a gap covers it", [](Facts& f) { f.gap = true; }, {"evidence_gap"}},
      {"someone else holds the descriptor",
       [](Facts& f) {
         f.connections[0].foreign_holders = {support::FakeKernel::ClientSlot(kCookie, support::Pin(200, 1500, 3), 5)};
       },
       {"fd_transferred"}},
      {"a namesake of the opener holds the descriptor",
       [](Facts& f) {
         f.connections[0].foreign_holders = {support::FakeKernel::ClientSlot(kCookie, support::Pin(kTgid, 1, 3), 5)};
       },
       {"fd_transferred"}},
      {"it is on its way in a message",
       [](Facts& f) {
         f.connections[0].foreign_holders = {support::FakeKernel::ClientSlot(kCookie, Record(f).opener, 5)};
         f.connections[0].foreign_holders[0].in_flight = 1;
       },
       {"fd_transferred"}},
      {"served without a record: it is not accused of more than that",
       [](Facts& f) {
         Record(f) = {};
         Record(f).opener.tgid = kTgid;
         Record(f).taints = 1u << BELFRY_TAINT_UNRECORDED;
       },
       {"unrecorded"}},
      {"a record without a pin is no record", [](Facts& f) { Record(f).opener.start_ns = 0; }, {"opener_exited"}},
      {"no live connection", [](Facts& f) { f.connections[0].alive = false; }, {"unrecorded"}},
      {"no connection", [](Facts& f) { f.connections.clear(); }, {"unrecorded"}},
      {"dead",
       [](Facts& f) {
         f.live.reset();
         f.live_after.reset();
       },
       {"no_such_process"}},
      {"died while we looked", [](Facts& f) { f.live_after.reset(); }, {"no_such_process"}},
      {"zombie only", [](Facts& f) { Now(f, [](belfry_live& l) { l.threads = 0; }); }, {"no_such_process"}},
      {"became a zombie while we looked", [](Facts& f) { f.live_after->threads = 0; }, {"no_such_process"}},
      {"kernel thread", [](Facts& f) { Now(f, [](belfry_live& l) { l.kernel_thread = 1; }); }, {"no_such_process"}},
      {"number changed hands while we looked", [](Facts& f) { ++f.live_after->pin.start_ns; }, {"no_such_process"}},
      {"several at once, sorted, each once",
       [](Facts& f) {
         f.gap = true;
         Record(f).taints = 1u << BELFRY_TAINT_FOREIGN_SENDER | 1u << BELFRY_TAINT_EVIDENCE_GAP;
         Record(f).opener.exec_id = 2;
       },
       {"evidence_gap", "exec_after_connect", "foreign_sender"}},
  };
  for (const Case& c : cases) {
    Facts facts = HonestFacts();
    c.change(facts);
    const Verdict verdict = Judge(facts, {});
    EXPECT_EQ(verdict.outcome, Outcome::kWithheld) << c.what;
    EXPECT_EQ(verdict.reasons, c.reasons) << c.what;
    EXPECT_FALSE(verdict.image_proven || verdict.path_proven || verdict.preload_proven) << c.what;
    const size_t live = facts.connections.empty() || !facts.connections[0].alive ? 0 : 1;
    EXPECT_EQ(verdict.to_cut.size(), live) << c.what;
  }
}

// Numbers that name nobody are answered, and nobody pays for the question.
TEST(Judge, ANumberThatNamesNobodyCutsNobody) {
  for (const auto& change : std::vector<std::function<void(Facts&)>>{
           [](Facts& f) { f.asked_pid = 0; },
           [](Facts& f) { f.asked_pid = -7; },
           [](Facts& f) { f.tgid = 0; },  // unknown in the asker's pid namespace
           [](Facts& f) {
             f.tgid = 0;
             Now(f, [](belfry_live& l) { l.pin.tgid = 0; });
             f.connections.clear();
           },
       }) {
    Facts facts = HonestFacts();
    change(facts);
    EXPECT_THAT(Judge(facts, {}).reasons, ElementsAre("no_such_process"));
    EXPECT_THAT(Judge(facts, {}).to_cut, IsEmpty());
  }
}

// Design 4, "never a refusal", as far as it shows in facts.
TEST(Judge, NeverRefuses) {
  const belfry_pin fork = support::Pin(kTgid, 1000, 3);
  const Case cases[] = {
      {"many threads, the main one gone", [](Facts& f) { Now(f, [](belfry_live& l) { l.threads = 64; }); }, {}},
      {"package upgrade: times and size of the file changed",
       [](Facts& f) {
         Now(f, [](belfry_live& l) {
           l.exe.ctime_ns = 99;
           l.exe.size = 99;
         });
       },
       {}},
      {"many connections",
       [&](Facts& f) {
         for (uint64_t i = 0; i < 100; ++i) f.connections.push_back(ConnectionOf(fork, f.live->exe, 1000 + i));
       },
       {}},
      {"the opener's own second descriptor",
       [&](Facts& f) { f.connections[0].foreign_holders = {support::FakeKernel::ClientSlot(kCookie, fork, 9)}; },
       {}},
      {"a closed connection with a taint",
       [&](Facts& f) {
         f.connections.push_back(ConnectionOf(support::Pin(kTgid, 1, 1), f.live->exe, 8));
         f.connections[1].alive = false;
         f.connections[1].record.taints = 1;
       },
       {}},
      {"older than Belfry: no exec record", [](Facts& f) { f.process.reset(); }, {}},
      {"older than Belfry: backfilled record",
       [](Facts& f) {
         f.process->image_flags = BELFRY_IMAGE_BACKFILLED;
         f.process->image = {};
       },
       {}},
      {"a record that an earlier owner of the number left",
       [](Facts& f) {
         f.process->pin = support::Pin(kTgid, 1, 9);
         f.process->image = support::File(1);
       },
       {}},
      {"strace -p", [](Facts& f) { Now(f, [](belfry_live& l) { l.traced_by = 5; }); }, {}},
      {"jemalloc", [](Facts& f) { f.process->image_flags = BELFRY_IMAGE_PRELOAD; }, {}},
      {"a script", [](Facts& f) { f.process->image_flags = BELFRY_IMAGE_INTERPRETED; }, {}},
      {"setuid program", [](Facts& f) { f.process->image_flags = BELFRY_IMAGE_SETID; }, {}},
      {"a container with its own files", [](Facts& f) { f.process->place = BELFRY_PLACE_MNTNS_FOREIGN; }, {}},
      {"moved to another cgroup", [](Facts& f) { Now(f, [](belfry_live& l) { l.cgroup_id = 5; }); }, {}},
  };
  for (const Case& c : cases) {
    Facts facts = HonestFacts();
    c.change(facts);
    const Verdict verdict = Judge(facts, {});
    EXPECT_EQ(verdict.outcome, Outcome::kSound) << c.what;
    EXPECT_THAT(verdict.reasons, IsEmpty()) << c.what;
    EXPECT_THAT(verdict.to_cut, IsEmpty()) << c.what;
  }
}

TEST(Judge, OneMismatchWithholdsAndOnlyTheMismatchIsCut) {
  Facts facts = HonestFacts();
  const belfry_file_id exe = facts.live->exe;
  facts.connections.push_back(ConnectionOf(support::Pin(kTgid, 500, 3), exe, 8));    // an earlier owner of the number
  facts.connections.push_back(ConnectionOf(support::Pin(kTgid, 1000, 3), exe, 9));   // sound
  facts.connections.push_back(ConnectionOf(support::Pin(kTgid, 1000, 2), exe, 10));  // before the exec
  const Verdict verdict = Judge(facts, {});
  EXPECT_EQ(verdict.outcome, Outcome::kWithheld);
  EXPECT_THAT(verdict.reasons, ElementsAre("exec_after_connect", "opener_exited"));
  EXPECT_THAT(verdict.to_cut, ElementsAre(8u, 10u));
}

TEST(Judge, WhenTheNumberChangedHandsTheSuccessorIsNotCut) {
  Facts facts = HonestFacts();
  facts.live_after->pin.start_ns = 5000;
  facts.connections.push_back(ConnectionOf(facts.live_after->pin, facts.live->exe, 8));
  EXPECT_THAT(Judge(facts, {}).to_cut, ElementsAre(kCookie));
}

TEST(Judge, IsUnavailableUntilHoldersWereSearched) {
  Facts facts = HonestFacts();
  facts.connections[0].holders_searched = false;
  EXPECT_EQ(Judge(facts, {}).outcome, Outcome::kUnavailable);
  EXPECT_FALSE(Judge(facts, {}).image_proven);
  facts.connections.push_back(ConnectionOf(facts.live->pin, facts.live->exe, 8));
  EXPECT_EQ(Judge(facts, {}).outcome, Outcome::kUnavailable) << "one searched connection does not speak for another";
  facts.gap = true;  // what is withheld anyway need not be searched
  EXPECT_EQ(Judge(facts, {}).outcome, Outcome::kWithheld);
}

TEST(Judge, DerivesClassBFromTheProcess) {
  const auto taint_of = [](const std::function<void(Facts&)>& change) {
    Facts facts = HonestFacts();
    change(facts);
    return TaintNames(Judge(facts, {}).taints);
  };
  const auto flag = [&](uint32_t flags) { return taint_of([&](Facts& f) { f.process->image_flags = flags; }); };
  EXPECT_THAT(flag(BELFRY_IMAGE_PRELOAD), ElementsAre("untrusted_code"));
  EXPECT_THAT(flag(BELFRY_IMAGE_MEMFD), ElementsAre("untrusted_code"));
  EXPECT_THAT(flag(BELFRY_IMAGE_UNLINKED), ElementsAre("untrusted_code"));
  EXPECT_THAT(flag(BELFRY_IMAGE_TRACED), ElementsAre("traced"));
  EXPECT_THAT(flag(BELFRY_IMAGE_MEMORY_WRITTEN), ElementsAre("memory_written"));
  EXPECT_THAT(flag(BELFRY_IMAGE_MEMORY_WRITTEN << BELFRY_IMAGE_OF_NEXT_SHIFT), IsEmpty());
  EXPECT_THAT(flag(BELFRY_IMAGE_ENV_UNPROVEN), IsEmpty());
  EXPECT_THAT(taint_of([](Facts& f) { f.live->traced_by = 5; }), ElementsAre("traced"));
  EXPECT_THAT(taint_of([](Facts& f) { f.live_after->traced_by = 5; }), ElementsAre("traced"));
  EXPECT_THAT(taint_of([](Facts& f) { f.live->cgroup_id = 5; }), ElementsAre("cgroup_moved"));
}

TEST(Judge, CredentialsThatGrewAreATaintAndDroppedOnesAreNot) {
  struct Creds {
    const char* what;
    belfry_creds before, now;
    bool grew;
  };
  const belfry_creds user{0, 0, 1000, 1000, 1000, 1000};
  const belfry_creds root{0xff, 0xff, 0, 0, 0, 0};
  const Creds cases[] = {
      {"same", user, user, false},
      {"root becomes a user", root, user, false},
      {"root drops capabilities", root, {0, 0, 0, 0, 0, 0}, false},
      {"user becomes root", user, {0, 0, 0, 0, 1000, 1000}, true},
      {"user becomes root in effect only", user, {0, 0, 1000, 0, 1000, 1000}, true},
      {"user becomes another", user, {0, 0, 1001, 1001, 1000, 1000}, true},
      {"user gets another group", user, {0, 0, 1000, 1000, 1000, 27}, true},
      {"user gets a capability", user, {1, 1, 1000, 1000, 1000, 1000}, true},
      {"a permitted capability becomes effective",
       {0, 1, 1000, 1000, 1000, 1000},
       {1, 1, 1000, 1000, 1000, 1000},
       false},
      {"setuid program goes back to its caller", {0, 0, 1000, 5, 1000, 1000}, user, false},
      {"root gets a capability it had not", {1, 1, 0, 0, 0, 0}, {3, 3, 0, 0, 0, 0}, true},
  };
  for (const Creds& c : cases) {
    Facts facts = HonestFacts();
    Record(facts).creds = c.before;
    Now(facts, [&](belfry_live& l) { l.creds = c.now; });
    EXPECT_EQ(TaintNames(Judge(facts, {}).taints),
              c.grew ? std::vector<std::string>{"creds_changed"} : std::vector<std::string>{})
        << c.what;
  }
}

TEST(JudgeByExec, NeedsAnExecRecordAndNoConnection) {
  Facts facts = HonestFacts();
  facts.connections.clear();
  EXPECT_EQ(JudgeByExec(facts, {}).outcome, Outcome::kSound);
  EXPECT_TRUE(JudgeByExec(facts, {}).path_proven);
  Facts old = facts;
  old.process.reset();
  EXPECT_THAT(JudgeByExec(old, {}).reasons, ElementsAre("unrecorded"));
  Facts swapped = facts;
  Now(swapped, [](belfry_live& l) { ++l.exe.ino; });
  EXPECT_THAT(JudgeByExec(swapped, {}).reasons, ElementsAre("exe_replaced"));
  Facts dead = facts;
  dead.live.reset();
  EXPECT_THAT(JudgeByExec(dead, {}).reasons, ElementsAre("no_such_process"));
}

TEST(Names, AreThoseOfTheDesign) {
  EXPECT_STREQ(TaintName(BELFRY_TAINT_EXEC_AFTER_CONNECT), "exec_after_connect");
  EXPECT_STREQ(TaintName(BELFRY_TAINT_EXE_REPLACED), "exe_replaced");
  EXPECT_STREQ(TaintName(BELFRY_TAINT_FD_INHERITED), "fd_inherited");
  EXPECT_STREQ(TaintName(-1), "unknown");
  EXPECT_STREQ(TaintName(BELFRY_TAINT_COUNT), "unknown");
  EXPECT_TRUE(IsClassA(BELFRY_TAINT_EXE_REPLACED));
  EXPECT_FALSE(IsClassA(BELFRY_TAINT_UNTRUSTED_CODE));
  EXPECT_EQ(ParseMode("deny"), Mode::kDeny);
  EXPECT_EQ(ParseMode("Deny"), std::nullopt);
  EXPECT_STREQ(OutcomeName(Outcome::kNotOurs), "not_ours");
}

}  // namespace
}  // namespace belfry::verdict
