// Nothing is lost uncounted: what a generator made is what was audited and what was counted as lost.
#include <fcntl.h>

#include "audit/watched.h"

namespace belfry::audit {
namespace {

struct Account {
  unsigned long connects = 0, lost = 0, dropped = 0, others = 0;
  unsigned long sum() const { return connects + lost + dropped; }
};

// Programs that tell of connects; what others lose is no connect.
bool TellsOfConnects(const std::string& program) {
  for (const char* name : {"connect_ready", "connect_peercred", "pin_", "peercred_"})
    if (program.starts_with(name)) return true;
  return false;
}

void Add(const std::string& line, Account& account) {
  const Json json = Json::parse(line, nullptr, false);
  ASSERT_TRUE(json.is_object()) << line;
  const std::string action = json["event"]["action"];
  if (action == "connect" || action == "unrecorded")
    ++account.connects;
  else if (action == "lost" && TellsOfConnects(json["belfry"]["program"]))
    account.lost += json["belfry"]["count"].get<unsigned long>();
  else if (action == "dropped")
    account.dropped += json["belfry"].value("connects", 0ul);
  else
    ++account.others;
}

class GroundTruth : public Watched {
 protected:
  // How many connects were made, by their maker's own count.
  unsigned long Flood(int processes, int threads, int each) {
    daemon::Program flood({kClient, "flood", Socket(), std::to_string(processes), std::to_string(threads), std::to_string(each)}, {});
    return std::stoul(flood.Line());
  }
  std::unique_ptr<daemon::Program> AuditInto(const std::string& out, const std::string& of = "") {
    const std::string what = of.empty() ? "--unix " + Socket() : of;
    auto audit = std::make_unique<daemon::Program>(
        std::vector<std::string>{"/bin/sh", "-c", std::string("exec ") + kBelfry + " audit --json " + what + " >" + out},
        std::map<std::string, std::string>{});
    AwaitReady(*audit);
    return audit;
  }
  std::string Fifo(const std::string& name, kit::OwnedFd& reader) {
    const std::string path = folder_ / name;
    EXPECT_EQ(mkfifo(path.c_str(), 0600), 0);
    reader = kit::OwnedFd(open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
    fcntl(reader.get(), F_SETFL, 0);
    return path;
  }
  static bool Appears(const std::string& file, const std::string& text) {
    for (int look = 0; look < 10; ++look) {
      std::ifstream in(file);
      const std::string all{std::istreambuf_iterator<char>(in), {}};
      if (all.find(text) != std::string::npos) return true;
      usleep(100'000);
    }
    return false;
  }
  // All that is to be read, by and by.
  static Account AccountOf(const kit::OwnedFd& out) {
    Account account;
    std::string text(1 << 20, '\0'), rest;
    for (ssize_t size; (size = read(out.get(), text.data(), text.size())) > 0;) {
      rest.append(text, 0, static_cast<size_t>(size));
      size_t from = 0;
      for (size_t end; (end = rest.find('\n', from)) != std::string::npos; from = end + 1)
        Add(rest.substr(from, end - from), account);
      rest.erase(0, from);
    }
    EXPECT_EQ(rest, "") << "a line that is not whole";
    RecordProperty("connects", static_cast<int>(account.connects));
    RecordProperty("lost", static_cast<int>(account.lost));
    RecordProperty("dropped", static_cast<int>(account.dropped));
    std::cout << "audited " << account.connects << ", lost in the kernel " << account.lost << ", dropped " << account.dropped << "\n";
    return account;
  }
};

// Into a file, which is never slow.
TEST_F(GroundTruth, AHundredThousandAtFullSpeed) {
  const std::string out = folder_ / "lines";
  auto audit = AuditInto(out);
  const unsigned long made = Flood(10, 4, 2500);
  EXPECT_EQ(made, 100000u);
  audit->Signal(SIGINT);
  ASSERT_EQ(audit->Wait(), 0);
  const Account account = AccountOf(kit::OwnedFd(open(out.c_str(), O_RDONLY)));
  EXPECT_EQ(account.sum(), made);
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
