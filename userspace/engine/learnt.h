// A policy from what was seen: for each guard the openers that connected, as rules that fit them and nobody else.
//
// A rule asks for the executable, its script, the user, and the unit, container or pod where only root could have named
// them. Nothing is widened: what cannot be asked for exactly is not learnt, and counted with the reason. Scopes are left
// out, their names are new with each login. The same lines in any order give the same policy. Not thread-safe.
#ifndef BELFRY_ENGINE_LEARNT_H_
#define BELFRY_ENGINE_LEARNT_H_

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "effect/entry.h"
#include "verdict/facts.h"
#include "verdict/opener.h"
#include "verdict/rule.h"

namespace belfry::engine {

// One opener's line, as rules see it; texts as FromJson gives them, escaped once.
verdict::Opener OpenerOf(const effect::Entry& entry, const verdict::GuardPolicy& policy);

class Learnt {
 public:
  struct Times {
    uint64_t connects = 0;
    uint64_t first_ns = 0, last_ns = 0;  // wall
    void Add(const Times& more);
  };
  struct Guard {
    std::set<std::string> sockets;
    std::map<verdict::Values, Times> rules;
    std::map<std::string, Times> not_learnt;  // by who and why, bounded
    std::map<std::string, std::string> users;  // names by number
    bool backfilled = false;  // some executables were only read from /proc
  };

  // Connects count, anything else does not; nor does the guard's own branch. Texts as FromJson gives them.
  void See(const effect::Entry& entry);

  const std::map<std::string, Guard>& guards() const { return guards_; }
  Times all() const;
  uint64_t lost() const { return lost_; }  // lines that never came

 private:
  std::map<std::string, Guard> guards_;
  uint64_t lost_ = 0;
};

}  // namespace belfry::engine

#endif  // BELFRY_ENGINE_LEARNT_H_
