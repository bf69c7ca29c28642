// What the kernel part is told to do for each guard: its mode, what it withholds, its limit, its rules.
// Changes no more than Guard::compiled; loop thread only.
#ifndef BELFRY_ENGINE_ORDERS_H_
#define BELFRY_ENGINE_ORDERS_H_

#include <optional>
#include <vector>

#include "engine/exe_files.h"
#include "engine/guard.h"
#include "kernel/kernel.h"

namespace belfry::engine {

// Of every guard as it stands now; its rules compiled anew if they, its mode or the files have changed. Guards beyond what
// the kernel part holds of values go without: the gate decides for them.
std::vector<kernel::GuardOrders> OrdersOf(Guards& guards, const ExeFiles& files);

// In the kernel's words; rounded so that nobody gets more than was said. Of no limit: zeros.
belfry_limit LimitOrders(const std::optional<ConnectLimit>& limit);

// How long the daemon may be silent before a guard in deny only observes; 0: for ever. Where the file says nothing, a
// SPIRE agent's guard holds and any other lets go after ten minutes (design 4).
uint64_t LossNs(const GuardConfig& config);

}  // namespace belfry::engine

#endif  // BELFRY_ENGINE_ORDERS_H_
