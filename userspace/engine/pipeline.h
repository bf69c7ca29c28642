// The only file that knows the order: emit → drain → decode → apply → judge → write.
//
// The kernel part has emitted; a turn drains the ring, decodes each record, applies it to what is known, judges what it
// means for live connections to guards, and writes it down. The stream informs: what must end is looked up in the
// kernel's maps, and what the stream lost is found by the sweep (sweep.h). Loop thread only.
#ifndef BELFRY_ENGINE_PIPELINE_H_
#define BELFRY_ENGINE_PIPELINE_H_

#include <cstdint>
#include <functional>
#include <vector>

#include "effect/journal.h"
#include "engine/cuts.h"
#include "engine/gate.h"
#include "engine/guard.h"
#include "engine/witness.h"
#include "evidence/connections.h"
#include "evidence/decode.h"
#include "evidence/process_table.h"
#include "kernel/kernel.h"

namespace belfry::engine {

// What is known of the world from the stream; for people, never for a verdict.
struct Seen {
  evidence::ProcessTable processes;
  evidence::Connections connections;
  evidence::Decoder decoder;
};

class Pipeline {
 public:
  struct Signals {
    std::function<void()> listeners_changed;                     // a guarded listener appeared or its process changed
    std::function<void(const Guard&, const belfry_pin&)> opened;  // a client connected: begin what takes long
  };

  Pipeline(kernel::Kernel& kernel, Guards& guards, Seen& seen, Cuts& cuts, effect::Journal& journal, Witness& witness,
           Gate& gate, Signals signals)
      : kernel_(kernel), guards_(guards), seen_(seen), cuts_(cuts), journal_(journal), witness_(witness),
        gate_(gate), signals_(std::move(signals)) {}

  void Turn();

 private:
  // One connection that an event says something final about.
  struct Suspect {
    uint64_t cookie = 0;
    uint32_t guard = 0;
    belfry_pin opener{};
    uint32_t taints = 0;
  };

  void Apply(const evidence::Event& event);
  void Apply(const belfry_event_exec& event);
  void Apply(const belfry_event_fork& event);
  void Apply(const belfry_event_exit& event);
  void Apply(const belfry_event_connect& event);
  void Apply(const belfry_event_tcp& event);
  void Apply(const belfry_event_taint& event);
  void Apply(const belfry_event_listener& event);
  void Apply(const belfry_event_refused& event);
  void Apply(const belfry_event_tampered& event);
  void Apply(const belfry_event_limited& event);
  template <typename Event>
  void Barred(const Event& event, const effect::Address& destination);
  void Say(effect::Entry line, const belfry_pin& who);
  void SuspectOpener(const belfry_pin& opener, uint32_t taint);
  void Forget(const std::vector<uint64_t>& gone);
  bool ServesAGuard(const belfry_pin& pin);
  void Judge();

  kernel::Kernel& kernel_;
  Guards& guards_;
  Seen& seen_;
  Cuts& cuts_;
  effect::Journal& journal_;
  Witness& witness_;
  Gate& gate_;
  const Signals signals_;

  std::vector<Suspect> suspects_;     // of this turn
  std::vector<Cuts::Order> orders_;   // of this turn
  std::vector<effect::Entry> lines_;  // of this turn
  bool listeners_changed_ = false;
  bool in_turn_ = false;
};

}  // namespace belfry::engine

#endif  // BELFRY_ENGINE_PIPELINE_H_
