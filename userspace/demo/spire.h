// The same scenes with a real spire-server and spire-agent: once with SPIRE's built-in attestor, once with Belfry's plugin.
#ifndef BELFRY_DEMO_SPIRE_H_
#define BELFRY_DEMO_SPIRE_H_

#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "demo/result.h"
#include "demo/scenes.h"

namespace belfry::demo {

// Those that need nothing of the agent but its socket, in the table's order.
std::vector<const Scene*> ScenesForSpire();

struct Played {
  std::vector<SceneResult> results;  // as far as they came if a signal stopped them
  std::string backend;
};

// Plays `chosen` on both stages; what stock SPIRE really issued takes the place of what it would have.
// `progress` gets a line at a time. NotFound where there is no SPIRE.
absl::StatusOr<Played> PlayOnSpire(const Programs& programs, const std::vector<const Scene*>& chosen,
                                   const std::function<void(const std::string&)>& progress);

}  // namespace belfry::demo

#endif  // BELFRY_DEMO_SPIRE_H_
