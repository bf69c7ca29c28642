#include "demo/spire.h"

#include <algorithm>

#include "demo/interrupt.h"

namespace belfry::demo {
namespace {

constexpr const char* kOnSpire[] = {"honest",     "two-honest",  "upgrade",        "exec-swap", "exec-swap-thread",
                                    "scm-rights", "pidfd-getfd", "second-connect", "exe-swap"};

using Progress = std::function<void(const std::string&)>;

absl::StatusOr<Played> PlayAll(const StageOrder& order, const std::vector<const Scene*>& chosen,
                               const Progress& progress) {
  auto stage = Stage::Set(order);
  if (!stage.ok()) return stage.status();
  Played played;
  played.backend = (*stage)->backend();
  for (const Scene* scene : chosen) {
    if (Interrupted()) break;
    progress(std::string("  ") + scene->name);
    played.results.push_back(Play(*scene, **stage));
  }
  return played;
}

// From "would issue" to "did": the identity that the same actor received from SPIRE with its built-in attestor.
void Compare(const SceneResult& stock, SceneResult& belfry) {
  for (size_t i = 0; i < belfry.requests.size() && i < stock.requests.size(); ++i) {
    ProcSays& proc = belfry.requests[i].proc;
    proc = stock.requests[i].proc;
    proc.really = true;
    proc.identity = stock.requests[i].identity;
    proc.would_issue = !proc.identity.empty();
    proc.why_not = proc.would_issue ? "" : stock.requests[i].message;
  }
}

}  // namespace

std::vector<const Scene*> ScenesForSpire() {
  std::vector<const Scene*> chosen;
  for (const Scene& scene : Scenes()) {
    const auto named = [&](const char* name) { return std::string(name) == scene.name; };
    if (std::any_of(std::begin(kOnSpire), std::end(kOnSpire), named)) chosen.push_back(&scene);
  }
  return chosen;
}

absl::StatusOr<Played> PlayOnSpire(const Programs& programs, const std::vector<const Scene*>& chosen,
                                   const Progress& progress) {
  auto found = FindSpire();
  if (!found.ok()) return found.status();
  progress("Starting " + found->server + " and its agent with the built-in attestor \"unix\" ...");
  auto stock = PlayAll({.programs = programs, .with_belfry = false, .spire = *found}, chosen, progress);
  if (!stock.ok() || Interrupted()) return stock;
  progress("Starting them again with WorkloadAttestor \"unix\" { plugin_cmd = belfry-spire-plugin } ...");
  auto belfry = PlayAll({.programs = programs, .with_belfry = true, .spire = *found}, chosen, progress);
  if (!belfry.ok()) return belfry;
  for (size_t i = 0; i < belfry->results.size() && i < stock->results.size(); ++i) {
    Compare(stock->results[i], belfry->results[i]);
  }
  return belfry;
}

}  // namespace belfry::demo
