// Who else holds the client's end of these connections? Reference counts are no proof of possession, so a count that
// the opener's own slots explain ends the search early, and any other starts a full one (kernel-facts 9.18).
#ifndef BELFRY_ENGINE_HOLDERS_H_
#define BELFRY_ENGINE_HOLDERS_H_

#include <vector>

#include "absl/status/status.h"
#include "kernel/kernel.h"
#include "verdict/facts.h"

namespace belfry::engine {

// Fills holders_searched and foreign_holders of each connection. All are of one process number.
// `iterator_references`: how many references the iterator itself holds on what it shows, as the canary measured it;
// 0 until then, which makes every search a full one.
absl::Status SearchHolders(kernel::Kernel& kernel, uint32_t tgid, uint32_t iterator_references,
                           std::vector<verdict::ConnectionFacts>& connections);

}  // namespace belfry::engine

#endif  // BELFRY_ENGINE_HOLDERS_H_
