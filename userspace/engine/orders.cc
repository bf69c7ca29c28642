#include "engine/orders.h"

#include "verdict/soundness.h"

namespace belfry::engine {
namespace {

uint32_t ModeWord(verdict::Mode mode) {
  switch (mode) {
    case verdict::Mode::kDeny: return BELFRY_MODE_DENY;
    case verdict::Mode::kWarn: return BELFRY_MODE_WARN;
    case verdict::Mode::kObserve: break;
  }
  return BELFRY_MODE_OBSERVE;
}

}  // namespace

uint64_t LossNs(const GuardConfig& config) {
  const DaemonLoss loss = config.on_daemon_loss.value_or(DaemonLoss{.hold = config.agent});
  return loss.hold ? 0 : static_cast<uint64_t>(std::chrono::nanoseconds(loss.observe_after).count());
}

std::vector<kernel::GuardOrders> OrdersOf(Guards& guards) {
  std::vector<kernel::GuardOrders> all;
  for (const Guard& guard : guards.all()) {
    kernel::GuardOrders one{.guard = guard.number};
    one.orders.mode = ModeWord(guard.mode);
    one.orders.flags = guard.config.allow_sqpoll ? BELFRY_GUARD_ALLOW_SQPOLL : 0u;
    one.orders.withhold = verdict::WithholdingBits(guard.config.policy);
    // What was open before is left alone where the guard adopts it.
    if (PreexistingPolicy(guard.config, guard.mode) == Preexisting::kAdopt)
      one.orders.withhold &= ~(1u << BELFRY_TAINT_PREEXISTING);
    one.orders.loss_ns = LossNs(guard.config);
    all.push_back(one);
  }
  return all;
}

}  // namespace belfry::engine
