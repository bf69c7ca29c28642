// Connects by the thousand, whose maker keeps its own count, and the account of what an audit said of them.
#ifndef BELFRY_TESTS_AUDIT_FLOODS_H_
#define BELFRY_TESTS_AUDIT_FLOODS_H_

#include <fcntl.h>

#include <iostream>

#include "audit/watched.h"

namespace belfry::audit {

struct Account {
  unsigned long connects = 0, lost = 0, dropped = 0, others = 0, violations = 0;
  std::string told;  // of losses, for who wonders
  unsigned long sum() const { return connects + lost + dropped; }
};

// Programs that tell of connects; what others lose is no connect.
inline bool TellsOfConnects(const std::string& program) {
  for (const char* name : {"connect_ready", "connect_peercred", "pin_", "peercred_", "tcp_state"})
    if (program.starts_with(name)) return true;
  return false;
}

inline void Add(const std::string& line, Account& account) {
  const Json json = Json::parse(line, nullptr, false);
  ASSERT_TRUE(json.is_object()) << line;
  const std::string action = json["event"]["action"];
  account.violations += json["belfry"].value("violation", false) ? 1 : 0;
  if (action == "connect" || action == "unrecorded")
    ++account.connects;
  else if (action == "lost" && TellsOfConnects(json["belfry"]["program"]))
    account.lost += json["belfry"]["count"].get<unsigned long>(), account.told += line + "\n";
  else if (action == "dropped")
    account.dropped += json["belfry"].value("connects", 0ul);
  else
    ++account.others;
}

class Floods : public Watched {
 protected:
  // How many connects were made, by their maker's own count.
  static unsigned long FloodAt(const std::string& target, int processes, int threads, int each) {
    daemon::Program flood({kClient, "flood", target, std::to_string(processes), std::to_string(threads), std::to_string(each)}, {});
    return std::stoul(flood.Line());
  }
  unsigned long Flood(int processes, int threads, int each) const { return FloodAt(Socket(), processes, threads, each); }
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

}  // namespace belfry::audit

#endif  // BELFRY_TESTS_AUDIT_FLOODS_H_
