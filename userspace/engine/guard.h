// Every guard as it stands now: its configuration, its mode, who serves it, what was said about it.
//
// Owned by the loop thread. Guards are named by number in the kernel's records; a name keeps its number for as long as
// the records can live (guard_numbers.h). Pointers stay valid until the next Replace.
#ifndef BELFRY_ENGINE_GUARD_H_
#define BELFRY_ENGINE_GUARD_H_

#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "belfry/wire.h"
#include "engine/config.h"
#include "kernel/kernel.h"

namespace belfry::engine {

// A process that was judged to be the one that may serve this guard.
struct Listener {
  belfry_pin pin{};
  std::string path;  // of its executable, raw
};

struct Tally {
  uint64_t sound = 0, withheld = 0, unavailable = 0, cut = 0;  // verdicts and cuts since start
  std::map<std::string, uint64_t> withheld_for;                // reason -> verdicts withheld in deny
  std::map<std::string, uint64_t> would_withhold;              // reason -> verdicts that deny would have withheld
  std::array<uint64_t, BELFRY_TAINT_COUNT> taints{};           // told of connections
  std::array<uint64_t, BELFRY_USE_MAX> refused{};              // told of connections, each kind once; of a limit, connects
  uint64_t last_would_withhold_ns = 0;
  uint64_t to_port = 0;  // connections to a TCP port, which leave no record
  std::set<std::string> would_be_hit;  // "uid comm", bounded

  void CountTaints(uint32_t bits);
  void CountWouldHit(const std::string& who, uint64_t now_ns);
  void CountRefused(uint32_t use, uint64_t times = 1);
};

struct Guard {
  uint32_t number = 0;
  GuardConfig config;
  verdict::Mode mode = verdict::Mode::kObserve;
  std::vector<Listener> listeners;
  std::set<uint32_t> impostors;    // process numbers that were alarmed about
  std::string impostor;            // who, while one is there
  std::vector<std::string> notes;  // per socket: why it is not guarded yet; empty: it is
  std::shared_ptr<const kernel::PolicyRules> compiled;  // as the kernel part was told them last; null: none
  // Of what: the rules, the mode and the files (ExeFiles::changes) of then.
  std::optional<std::tuple<std::shared_ptr<const verdict::Rules>, verdict::Mode, uint64_t>> compiled_for;
  bool wants_digest = false;       // someone has asked for one: begin at connect
  Tally tally;

  const std::string& name() const { return config.policy.name; }
  bool IsOwn(const belfry_pin& pin) const;  // the guard's own branch: never withheld, never cut
  verdict::GuardPolicy PolicyNow() const;   // with the mode of now
  void CountVerdict(const std::vector<std::string>& reasons, const std::string& who, uint64_t now_ns);
  // Connects over the limit: refused, or what deny would have refused.
  void CountLimited(uint64_t times, bool were_refused, const std::string& who, uint64_t now_ns);
};

class Guards {
 public:
  // Takes the guards of a configuration; those that were there keep their tallies, and their listeners if the
  // rule and the sockets are the same.
  void Replace(std::vector<Guard> guards);
  Guard* ByNumber(uint32_t number);
  Guard* ByName(const std::string& name);
  std::deque<Guard>& all() { return guards_; }

 private:
  std::deque<Guard> guards_;
};

bool SameProcess(const belfry_pin& a, const belfry_pin& b);  // number and start: exec id is no part of it

}  // namespace belfry::engine

#endif  // BELFRY_ENGINE_GUARD_H_
