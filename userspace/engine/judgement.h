// One question about one process number, from the asking to the answer.
//
//   gather → judge → (a doubt that may pass: again until a deadline) → evidence by workers → gather → judge → answer
//
// The facts are gathered once more after the workers have read /proc, so that pin and image are compared before and
// after each such read. In deny, what a withheld verdict names is cut before the answer goes out. Loop thread only.
#ifndef BELFRY_ENGINE_JUDGEMENT_H_
#define BELFRY_ENGINE_JUDGEMENT_H_

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "effect/latency.h"
#include "engine/cuts.h"
#include "engine/evidence_reader.h"
#include "engine/gate.h"
#include "engine/gather_facts.h"
#include "engine/guard.h"
#include "engine/loop.h"
#include "verdict/selectors.h"
#include "verdict/soundness.h"

namespace belfry::engine {

struct Deadlines {
  // A spawned child's copy of a descriptor goes away at its exec: a holder that is still there after this is foreign.
  std::chrono::milliseconds holders{1500};
  std::chrono::milliseconds again{25};      // between the first two looks; twice that between the rest
  std::chrono::milliseconds evidence{1800};  // where whoever asked does not say how long it waits
  std::chrono::milliseconds cut{500};
};

struct Question {
  uint32_t guard = 0;
  int64_t asked_pid = 0;
  uint32_t tgid = 0;  // in the initial pid namespace, 0: nobody
  bool want_path = false;
  bool want_sha256 = false;
  uint64_t size_limit = 0;
  bool reference = false;  // on someone else's behalf: exec evidence only
  bool want_facts = false;
  bool may_cut = true;
  bool count = true;
  // Of whoever asked, if it says so: until when it waits, and whether it does not any more.
  std::optional<std::chrono::system_clock::time_point> until = {};
  std::function<bool()> given_up = {};
};

struct Answer {
  verdict::Verdict verdict;
  verdict::Evidence evidence;
  std::string absent;
  bool own_listener = false;
  std::string message;  // instead of the verdict's own, if there is none
};

// What a judgement needs of the world; all outlive it.
struct Bench {
  Loop& loop;
  kernel::Kernel& kernel;
  Guards& guards;
  const evidence::Gaps& gaps;
  Cuts& cuts;
  EvidenceReader& reader;
  Gate& gate;
  effect::Journal& journal;
  std::function<void()> drain;  // the pipeline's turn: what the ring holds is applied before the facts are read
  Deadlines deadlines;
  uint32_t iterator_references = 0;  // as the canary measured it (holders.h)
  effect::Latency latency = {};      // of the verdicts that count
};

// A question on someone else's behalf that the guard does not allow.
Answer NotDelegated();

// `done` is called exactly once, on the loop thread, if the loop runs on.
void Begin(Bench& bench, const Question& question, std::function<void(const Answer&)> done);

}  // namespace belfry::engine

#endif  // BELFRY_ENGINE_JUDGEMENT_H_
