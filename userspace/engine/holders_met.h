// Who held a connection at the looks of one judgement: who has stayed, and who is only a child on its way to its exec.
//
// A service that spawns all the time is met with a child at every look, each time another one: that is no transfer. Not
// forgiven are: who has stayed, a message on its way, and whoever is not by the kernel's own record a fork of the opener
// that has run nothing else since. What /proc calls a parent proves nothing: an orphan gets another one, in a container
// the opener itself, and exec ids are counts that anyone can bring to the same number. Loop thread only.
#ifndef BELFRY_ENGINE_HOLDERS_MET_H_
#define BELFRY_ENGINE_HOLDERS_MET_H_

#include <chrono>
#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include "kernel/kernel.h"
#include "verdict/facts.h"

namespace belfry::engine {

class HoldersMet {
 public:
  using Time = std::chrono::steady_clock::time_point;

  // `stayed`: who was met that long ago and is still there has stayed. Long enough for a child that waits for a processor.
  HoldersMet(kernel::Kernel& kernel, std::chrono::milliseconds stayed) : kernel_(kernel), stayed_(stayed) {}

  void Remember(const std::vector<verdict::ConnectionFacts>& connections, Time now);
  // A holder is elsewhere by now, so that nobody can tell what it was: another look meets the next, or one that stayed.
  bool MovedOn(const verdict::Facts& facts, Time now);
  // Takes newborn forks of the opener out of the facts. True if there was one.
  bool ForgiveNewborns(verdict::Facts& facts, Time now);

 private:
  using Holder = std::pair<uint32_t, uint64_t>;  // number and start
  bool IsFork(const belfry_socket& holder, const belfry_process& opener);
  bool HasStayed(const belfry_socket& holder, Time now) const;

  kernel::Kernel& kernel_;
  const std::chrono::milliseconds stayed_;
  std::map<Holder, Time> first_met_;
};

}  // namespace belfry::engine

#endif  // BELFRY_ENGINE_HOLDERS_MET_H_
