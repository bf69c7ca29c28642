// Is the process that lives now under this number the one that opened every live connection bearing it, untouched?
// Pure; thread-safe. Invariants 1-3 of the design.
#ifndef BELFRY_VERDICT_SOUNDNESS_H_
#define BELFRY_VERDICT_SOUNDNESS_H_

#include <string>
#include <vector>

#include "verdict/facts.h"

namespace belfry::verdict {

enum class Outcome { kSound, kWithheld, kUnavailable, kNotOurs };
const char* OutcomeName(Outcome outcome);  // "sound", "withheld", "unavailable", "not_ours"

struct Verdict {
  Outcome outcome = Outcome::kUnavailable;
  std::vector<std::string> reasons;  // taint names and "no_such_process", sorted, unique; empty if sound
  uint32_t taints = 0;               // every taint known, class B included
  // What may be said of the image (invariant 3): false = path, sha256, script, argv, preload are absent.
  // All three are false unless the outcome is sound.
  bool image_proven = false;
  bool path_proven = false;      // image_proven, and the namespaces and root allow path and digest
  bool preload_proven = false;   // preload:none may be said
  std::vector<uint64_t> to_cut;  // cookies of connections that a guard in deny must cut
};

// Every connection must be proof: for the process that opened them.
Verdict Judge(const Facts& facts, const GuardPolicy& policy);

// For a process on whose behalf someone else asks: exec evidence only, connections are not looked at. Sound only with
// an exec record that is not backfilled.
Verdict JudgeByExec(const Facts& facts, const GuardPolicy& policy);

// Taints after which a guard withholds: class A and what its policy adds.
uint32_t WithholdingBits(const GuardPolicy& policy);

// What the exec record itself tells against an image (BELFRY_IMAGE_*), as taints.
uint32_t ImageTaints(uint32_t image_flags);

// BELFRY_PLACE_* that the policy lets pass for path and digest.
uint32_t ToleratedPlace(const GuardPolicy& policy);
// BELFRY_PLACE_* where they do not.
uint32_t ForeignPlace(const GuardPolicy& policy);
// Do the host's paths and files mean there what they mean here? `place`: all of them, at exec, at connect and now.
bool OnHostPaths(uint32_t place, const GuardPolicy& policy);

const char* TaintName(int taint);  // of enum belfry_taint: "exec_after_connect", ...
std::vector<std::string> TaintNames(uint32_t bits);
bool IsClassA(int taint);

}  // namespace belfry::verdict

#endif  // BELFRY_VERDICT_SOUNDNESS_H_
