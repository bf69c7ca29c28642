#include "engine/orders.h"

#include "belfry/limit.h"
#include "engine/kernel_rules.h"
#include "verdict/soundness.h"

namespace belfry::engine {
namespace {

constexpr size_t kValuesMax = BELFRY_RULE_VALUES_MAX / 2;  // those that follow them find room too

uint32_t ModeWord(verdict::Mode mode) {
  switch (mode) {
    case verdict::Mode::kDeny: return BELFRY_MODE_DENY;
    case verdict::Mode::kWarn: return BELFRY_MODE_WARN;
    case verdict::Mode::kObserve: break;
  }
  return BELFRY_MODE_OBSERVE;
}

}  // namespace

belfry_limit LimitOrders(const std::optional<ConnectLimit>& limit) {
  belfry_limit orders{};
  if (!limit) return orders;
  const std::chrono::nanoseconds period = limit->period == 's'   ? std::chrono::seconds(1)
                                          : limit->period == 'm' ? std::chrono::minutes(1)
                                                                 : std::chrono::nanoseconds(std::chrono::hours(1));
  const auto period_ns = static_cast<uint64_t>(period.count());
  orders.interval_ns = (period_ns + limit->count - 1) / limit->count;
  orders.burst_ns = orders.interval_ns * limit->burst;
  orders.per = limit->per;
  orders.seal = belfry_seal(&orders);
  return orders;
}

uint64_t LossNs(const GuardConfig& config) {
  const DaemonLoss loss = config.on_daemon_loss.value_or(DaemonLoss{.hold = config.agent});
  return loss.hold ? 0 : static_cast<uint64_t>(std::chrono::nanoseconds(loss.observe_after).count());
}

std::vector<kernel::GuardOrders> OrdersOf(Guards& guards, const ExeFiles& files) {
  std::vector<kernel::GuardOrders> all;
  size_t values = 0;
  for (Guard& guard : guards.all()) {
    if (const std::tuple now(guard.config.rules, guard.mode, files.changes()); guard.compiled_for != now) {
      guard.compiled = CompileRules(guard, files);
      guard.compiled_for = now;
    }
    if (guard.compiled != nullptr) values += guard.compiled->values.size();
    if (values > kValuesMax) guard.compiled = nullptr;
    kernel::GuardOrders one{.guard = guard.number, .rules = guard.compiled};
    one.orders.policy = guard.compiled == nullptr ? 0 : guard.compiled->number;
    one.orders.mode = ModeWord(guard.mode);
    one.orders.flags = (guard.config.allow_sqpoll ? BELFRY_GUARD_ALLOW_SQPOLL : 0u) |
                       (guard.config.full_refuses.value_or(guard.config.agent) ? BELFRY_GUARD_FULL_REFUSES : 0u);
    one.orders.withhold = verdict::WithholdingBits(guard.config.policy);
    // What was open before is left alone where the guard adopts it.
    if (PreexistingPolicy(guard.config, guard.mode) == Preexisting::kAdopt)
      one.orders.withhold &= ~(1u << BELFRY_TAINT_PREEXISTING);
    one.orders.loss_ns = LossNs(guard.config);
    one.orders.limit = LimitOrders(guard.config.limit);
    all.push_back(one);
  }
  return all;
}

}  // namespace belfry::engine
