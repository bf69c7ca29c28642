// What is known of an opener, in the words of rules: from its connection's record, its exec record, its cgroup, and /proc
// for what no record has a field for.
//
// An executable counts by its file, as the kernel identified it at exec, never by what a path reads like; script, unit,
// container and ancestors by what only the kernel or root could have said. What cannot be told is not known, with the
// reason. Loop thread only; never blocks.
#ifndef BELFRY_ENGINE_OPENER_FACTS_H_
#define BELFRY_ENGINE_OPENER_FACTS_H_

#include <optional>
#include <string>
#include <vector>

#include "engine/exe_files.h"
#include "evidence/process_table.h"
#include "host/cgroups.h"
#include "kernel/kernel.h"
#include "verdict/facts.h"
#include "verdict/opener.h"
#include "verdict/rules.h"

namespace belfry::engine {

// Of the executable, from where digests come.
struct DigestFact {
  bool pending = false;
  std::optional<std::string> sha256;
  std::string absent;  // why there is none
};

class OpenerFacts {
 public:
  OpenerFacts(kernel::Kernel& kernel, const evidence::ProcessTable& processes, ExeFiles& files)
      : kernel_(kernel), processes_(processes), files_(files) {}

  // What `rules` ask about.
  verdict::Opener Of(const belfry_connection& connection, const verdict::GuardPolicy& policy, const verdict::Rules& rules,
                     const DigestFact& digest);

  // What SPIRE may be told of it: "unit:nginx.service", "mntns:host". Good states alone, and of names only what root chose.
  std::vector<std::string> Selectors(const belfry_connection& connection, const verdict::GuardPolicy& policy);

 private:
  struct Asked;  // one opener on its way
  Asked AskedOf(const belfry_connection& connection, const verdict::GuardPolicy& policy);
  using Fact = verdict::Fact;
  Fact Exe(const Asked& asked);
  Fact Script(const Asked& asked);
  Fact Groups(const Asked& asked);
  Fact Ancestors(const Asked& asked);
  Fact NetworkNamespace(const Asked& asked);
  void Home(const Asked& asked, verdict::Opener& opener);
  std::optional<belfry_file_id> ImageOf(const belfry_process& record, const verdict::GuardPolicy& policy, Fact& why_not);
  bool StillThere(const belfry_pin& pin);

  kernel::Kernel& kernel_;
  const evidence::ProcessTable& processes_;
  ExeFiles& files_;
  host::Cgroups cgroups_;
};

}  // namespace belfry::engine

#endif  // BELFRY_ENGINE_OPENER_FACTS_H_
