// What the agent is told, decided from the mode and from what the daemon said, or did not say.
//
// Pure; thread-safe. The codes are those of the design's section 6: never InvalidArgument, and Unimplemented only for
// references. In observe and warn nothing is refused; profile belfry imitates nobody, so it then stays silent instead.
#ifndef BELFRY_PLUGIN_DECISION_H_
#define BELFRY_PLUGIN_DECISION_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "belfry/v1/attest.pb.h"
#include "plugin/configuration.h"
#include "verdict/facts.h"

namespace belfry::plugin {

struct Decision {
  enum Kind {
    kSelectors,  // of the reply's evidence
    kBuiltin,    // what SPIRE's own `unix` would answer or refuse
    kSilence,    // OK without selectors: not ours to name
    kRefuse,     // with `refusal`
  };
  Kind kind = kRefuse;
  absl::Status refusal;
  std::string would_withhold;  // observe and warn: the reasons for which deny would have refused; empty if none
};

Decision Decide(Profile profile, verdict::Mode mode, int32_t pid, const v1::JudgeReply& reply);

// The daemon gave no answer; `why` says so.
Decision DecideAlone(Profile profile, verdict::Mode mode, const absl::Status& why);

// The agent asks about itself (its health check): answered without the daemon, never refused.
Decision DecideOwn(Profile profile, verdict::Mode mode);

// No process has this number: pid <= 0.
Decision DecideNobody(Profile profile, verdict::Mode mode, int32_t pid);

}  // namespace belfry::plugin

#endif  // BELFRY_PLUGIN_DECISION_H_
