// Who serves each guard: holders of its listening sockets, judged by the guard's `listener` rule.
//
// Whoever matches is enrolled: its children may ask (callers.h) and it is never withheld nor cut. A stranger is an
// alarm and is never enrolled. An enrolled process that no longer holds the socket is let go. Loop thread only.
#ifndef BELFRY_ENGINE_LISTENERS_H_
#define BELFRY_ENGINE_LISTENERS_H_

#include <functional>
#include <memory>
#include <string_view>
#include <vector>

#include "effect/journal.h"
#include "engine/evidence_reader.h"
#include "engine/guard.h"
#include "kernel/kernel.h"
#include "kit/log.h"

namespace belfry::engine {

class Listeners {
 public:
  Listeners(kernel::Kernel& kernel, Guards& guards, EvidenceReader& reader, effect::Journal& journal,
            const kit::Log& log)
      : kernel_(kernel), guards_(guards), reader_(reader), journal_(journal), log_(log) {}
  ~Listeners() { *alive_ = false; }

  // Is this systemd on its way to a service that it starts? It has the service's sockets already. `path`: what it executes.
  // Told from another process that runs systemd by the number of execs since init, which rises when that executes itself
  // anew, and by its age. Pure.
  static bool IsStarting(const belfry_live& holder, const belfry_live& init, std::string_view path, uint64_t now_ns);
  // Somebody was let be for that: to be looked at again.
  bool SomebodyStarts() const { return somebody_starts_; }

  // Looks anew; `done` comes when every holder has been judged. A look that is under way is joined, then repeated.
  void Scan(std::function<void()> done);

 private:
  struct Candidate {
    uint32_t guard = 0;
    belfry_pin pin{};
    uint32_t uid = 0;
    belfry_file_id image{};
    bool listened = false;  // called listen(2) itself
  };

  std::vector<Candidate> Candidates();
  void Judge(const Candidate& candidate, std::function<void()> done);
  void Settle(const Candidate& candidate, const std::string& path, const std::string& against);
  void LetGo(const std::vector<Candidate>& holders);
  void Finished();
  void TellKernel();

  kernel::Kernel& kernel_;
  Guards& guards_;
  EvidenceReader& reader_;
  effect::Journal& journal_;
  const kit::Log& log_;
  bool scanning_ = false, somebody_starts_ = false;
  std::vector<std::function<void()>> waiting_, waiting_for_next_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace belfry::engine

#endif  // BELFRY_ENGINE_LISTENERS_H_
