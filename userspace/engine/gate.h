// Does a guard's policy allow this opener? Asked when a connection is recorded, when one is found whose record on the
// ring was lost, and at each verdict.
//
// The records decide, not the stream: a lost event delays an answer until the sweep. Where a rule needs a digest that is
// not known yet, the connection stays until it is. The guard's own branch is never asked. Loop thread only.
#ifndef BELFRY_ENGINE_GATE_H_
#define BELFRY_ENGINE_GATE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "effect/journal.h"
#include "engine/cuts.h"
#include "engine/evidence_reader.h"
#include "engine/exe_files.h"
#include "engine/guard.h"
#include "engine/opener_facts.h"

namespace belfry::engine {

class Gate {
 public:
  Gate(kernel::Kernel& kernel, Guards& guards, const evidence::ProcessTable& processes, EvidenceReader& reader, Cuts& cuts,
       effect::Journal& journal)
      : kernel_(kernel), guards_(guards), reader_(reader), cuts_(cuts), journal_(journal), files_(kernel),
        facts_(kernel, processes, files_) {}

  struct Answer {
    bool allowed = true;
    bool refuses = false;    // in the mode that holds for it: the connection must end
    bool undecided = false;  // until the digest is known
    std::string rule;        // that fits, or came nearest
    std::string why;         // not, in words
  };
  // Everyone is allowed where there are no rules.
  Answer Ask(const Guard& guard, const belfry_connection& connection, const DigestFact& digest);

  // At the record: completes its line, and adds to `orders` what must end.
  void Opened(Guard& guard, uint64_t cookie, const belfry_connection& connection, effect::Entry& line,
              std::vector<Cuts::Order>& orders);
  // The same where it is known only from where it comes: then no rule fits.
  void OpenedByNobodyKnown(Guard& guard, effect::Entry& line);
  // Later, with a line of its own if it is not allowed.
  void Found(uint64_t cookie, const belfry_connection& connection);

  // A connect that the rules refused in the kernel: completes its line.
  void Barred(Guard& guard, const belfry_connection& connection, effect::Entry& line);

  // The paths that the guards' rules name, after each change of configuration; false of either: Look again soon.
  bool WatchFiles();
  bool Look() { return files_.Look(); }

  const ExeFiles& files() const { return files_; }
  OpenerFacts& facts() { return facts_; }
  // What a question about the digest of this image waits for; `done` comes once, later.
  void AskDigest(const Guard& guard, const belfry_connection& connection, std::function<void(const DigestFact&)> done);

 private:
  Answer AnswerOf(const Guard& guard, size_t rule) const;
  Answer AtConnect(const Guard& guard, const belfry_connection& connection);
  void Tell(Guard& guard, const belfry_connection& connection, const Answer& answer, effect::Entry& line);
  void Decide(uint32_t guard, uint64_t cookie, const belfry_connection& connection, const DigestFact& digest);

  kernel::Kernel& kernel_;
  Guards& guards_;
  EvidenceReader& reader_;
  Cuts& cuts_;
  effect::Journal& journal_;
  ExeFiles files_;
  OpenerFacts facts_;
};

}  // namespace belfry::engine

#endif  // BELFRY_ENGINE_GATE_H_
