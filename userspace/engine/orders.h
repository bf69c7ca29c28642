// What the kernel part is told to do for each guard: its mode, and what it withholds.
// Pure; loop thread only.
#ifndef BELFRY_ENGINE_ORDERS_H_
#define BELFRY_ENGINE_ORDERS_H_

#include <vector>

#include "engine/guard.h"
#include "kernel/kernel.h"

namespace belfry::engine {

// Of every guard as it stands now.
std::vector<kernel::GuardOrders> OrdersOf(Guards& guards);

// How long the daemon may be silent before a guard in deny only observes; 0: for ever. Where the file says nothing, a
// SPIRE agent's guard holds and any other lets go after ten minutes (design 4).
uint64_t LossNs(const GuardConfig& config);

}  // namespace belfry::engine

#endif  // BELFRY_ENGINE_ORDERS_H_
