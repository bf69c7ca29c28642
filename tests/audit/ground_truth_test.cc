// Nothing is lost uncounted: what a generator made is what was audited and what was counted as lost.
#include "audit/floods.h"

namespace belfry::audit {
namespace {

class GroundTruth : public Floods {};

// Into a file, which is never slow.
TEST_F(GroundTruth, AHundredThousandAtFullSpeed) {
  const std::string out = folder_ / "lines";
  auto audit = AuditInto(out);
  const unsigned long made = Flood(10, 4, 2500);
  EXPECT_EQ(made, 100000u);
  audit->Signal(SIGINT);
  ASSERT_EQ(audit->Wait(), 0);
  const Account account = AccountOf(kit::OwnedFd(open(out.c_str(), O_RDONLY)));
  EXPECT_EQ(account.sum(), made) << account.told;
  EXPECT_GT(account.connects, 0u);
}

// The reader sleeps through all of it: the queue and the pipe hold what they hold, the rest is counted.
TEST_F(GroundTruth, AReaderThatSleeps) {
  kit::OwnedFd reader;
  auto audit = AuditInto(Fifo("lines", reader));
  const unsigned long made = Flood(4, 2, 5000);
  audit->Signal(SIGINT);
  const Account account = AccountOf(reader);
  EXPECT_EQ(audit->Wait(), 0);
  EXPECT_EQ(account.sum(), made);
  EXPECT_GT(account.dropped, 0u) << "nothing was dropped, so nothing was shown: make the flood larger";
}

// The audit itself is stopped: the ring overflows.
TEST_F(GroundTruth, AnAuditThatIsHeldUp) {
  const std::string out = folder_ / "lines";
  auto audit = AuditInto(out);
  audit->Signal(SIGSTOP);
  const unsigned long made = Flood(4, 2, 5000);
  audit->Signal(SIGCONT);
  audit->Signal(SIGINT);
  ASSERT_EQ(audit->Wait(), 0);
  const Account account = AccountOf(kit::OwnedFd(open(out.c_str(), O_RDONLY)));
  EXPECT_EQ(account.sum(), made);
  EXPECT_GT(account.lost, 0u) << "the ring held all of it: make the flood larger";
}

// While the ring overflows with what is allowed. A stranger's connects find room that is kept for them.
TEST_F(GroundTruth, NoViolationIsLost) {
  const std::string stranger = folder_ / "stranger", out = folder_ / "lines";
  std::filesystem::copy_file(kClient, stranger);
  std::ofstream(folder_ / "belfry.yaml") << "version: 1\nhost: self\nguards:\n  - name: watched\n    unix: " << Socket()
                                         << "\n    allow:\n      - { exe: " << kClient << " }\n";
  auto audit = AuditInto(out, "--policy " + (folder_ / "belfry.yaml"));
  audit->Signal(SIGSTOP);
  unsigned long made = Flood(4, 2, 5000);  // it is full
  daemon::Program flood({kClient, "flood", Socket(), "2", "2", "2500"}, {}), strangers({stranger, "flood", Socket(), "2", "1", "100"}, {});
  const unsigned long strange = std::stoul(strangers.Line());
  made += std::stoul(flood.Line()) + strange;
  audit->Signal(SIGCONT);
  audit->Signal(SIGINT);
  ASSERT_EQ(audit->Wait(), 0);
  const Account account = AccountOf(kit::OwnedFd(open(out.c_str(), O_RDONLY)));
  EXPECT_EQ(account.sum(), made) << account.told;
  EXPECT_GT(account.lost, 0u) << "the ring held all of it: make the flood larger";
  EXPECT_EQ(account.violations, strange);
}

// Who does not read costs neither the clients nor another reader anything. Followers of one daemon: its queues are theirs.
TEST_F(GroundTruth, ASlowReaderHoldsUpNobody) {
  std::ofstream(folder_ / "belfry.yaml") << "version: 1\nhost: self\npin: false\nrun_dir: " << (folder_ / "run")
                                         << "\nguards:\n  - {name: watched, unix: " << Socket() << "}\n";
  daemon::Program belfryd({kBelfryd, "--config", folder_ / "belfry.yaml"}, {});
  for (std::string line; (line = belfryd.ErrorLine()).find("guarding ") == std::string::npos;) ASSERT_FALSE(line.empty());
  kit::OwnedFd never_read;
  auto slow = AuditInto(Fifo("slow", never_read), "--run-dir " + (folder_ / "run"));
  const std::string out = folder_ / "quick";
  auto quick = AuditInto(out, "--run-dir " + (folder_ / "run"));
  const unsigned long made = Flood(4, 2, 5000);  // with a reader that never reads
  // One more, until one has come: so has everything before it.
  unsigned long more = 0;
  do ASSERT_EQ(Client("comm"), 0);
  while (++more < 100 && !Appears(out, "root\\\\xff"));
  quick->Signal(SIGINT);
  ASSERT_EQ(quick->Wait(), 0);
  const Account account = AccountOf(kit::OwnedFd(open(out.c_str(), O_RDONLY)));
  EXPECT_EQ(account.sum(), made + more);
  EXPECT_GT(account.connects, 0u);
}

}  // namespace
}  // namespace belfry::audit
