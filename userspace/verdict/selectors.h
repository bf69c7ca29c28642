// What SPIRE is told: evidence in, selector values out, in the order SPIRE's built-in emits them.
// Pure; thread-safe. Source of profile unix: SPIRE pkg/agent/plugin/workloadattestor/unix (spire-facts 3).
#ifndef BELFRY_VERDICT_SELECTORS_H_
#define BELFRY_VERDICT_SELECTORS_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace belfry::verdict {

// What one verdict lets be said. Absent means absent: not proven, or not asked for.
struct Evidence {
  uint32_t uid = 0;  // effective
  uint32_t gid = 0;  // effective
  std::vector<uint32_t> supplementary_gids;
  std::optional<std::string> path;
  std::optional<std::string> sha256;  // hex
  std::optional<std::string> exe;     // "<dev>:<ino>:<gen>"
  bool preload_none = false;
  bool traced_no = false;
  std::vector<std::string> facts;  // of where and as what it runs, as selectors: "unit:nginx.service"
  std::string provenance;  // "connect" or "exec"; empty: none
  std::string backend;
};

// A name of the agent's own user database, or nullopt.
using NameOf = std::function<std::optional<std::string>(uint32_t id)>;

std::vector<std::string> UnixSelectors(const Evidence& evidence, const NameOf& user, const NameOf& group);
std::vector<std::string> BelfrySelectors(const Evidence& evidence, const NameOf& user, const NameOf& group);

}  // namespace belfry::verdict

#endif  // BELFRY_VERDICT_SELECTORS_H_
