// Which identity a set of selectors earns, as SPIRE's registration entries decide it. Pure; thread-safe.
#ifndef BELFRY_DEMO_ENTRIES_H_
#define BELFRY_DEMO_ENTRIES_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "demo/wire.h"

namespace belfry::demo {

struct Entry {
  std::string spiffe_id;
  std::vector<std::string> selectors;  // "unix:uid:65534": all of them must be there
};

std::vector<Entry> EntriesFrom(const Json& json);
Json EntriesJson(const std::vector<Entry>& entries);

// `values` without type, as an attestor returns them; the type is "unix". Every entry whose selectors are all there.
std::vector<std::string> Earned(const std::vector<Entry>& entries, const std::vector<std::string>& values);

}  // namespace belfry::demo

#endif  // BELFRY_DEMO_ENTRIES_H_
