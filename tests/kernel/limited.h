// A guard with a limit on the running kernel: the test is the listener, clients are children. Rates are of one an hour, or
// of one a nanosecond: no test waits for a bucket.
#ifndef BELFRY_TESTS_KERNEL_LIMITED_H_
#define BELFRY_TESTS_KERNEL_LIMITED_H_

#include <cerrno>
#include <functional>
#include <string>
#include <vector>

#include "belfry/limit.h"
#include "kernel/live_kernel.h"

namespace belfry::kernel {

inline constexpr uint32_t kGuard = 7, kOtherGuard = 8;
inline constexpr uint64_t kHour = 3'600'000'000'000;
inline constexpr uint32_t kNobody = 65534;

using Ints = std::vector<int>;
inline const std::function<void()> kAsIs = [] {};

inline belfry_limit LimitOf(belfry_per per, uint64_t burst, uint64_t interval_ns = kHour) {
  belfry_limit limit = {.interval_ns = interval_ns, .burst_ns = interval_ns * burst, .per = per, .seal = 0};
  limit.seal = belfry_seal(&limit);
  return limit;
}

inline GuardOrders OrdersOf(uint32_t guard, uint32_t mode, const belfry_limit& limit) {
  GuardOrders one{.guard = guard};
  one.orders.mode = mode;
  one.orders.limit = limit;
  return one;
}

template <typename Live>
class Limited : public Live {
 protected:
  bool LoadsAnew() override { return true; }  // a bucket outlives its orders
  void Order(uint32_t mode, const belfry_limit& limit) { Give({OrdersOf(kGuard, mode, limit)}); }
  void Give(const std::vector<GuardOrders>& orders) { ASSERT_TRUE(this->kernel_->SetOrders(orders).ok()); }

  // A child that is told to connect `times` to each of `paths` in turn; what each connect said. It keeps what it opened.
  Actor Client(const std::vector<std::string>& paths, int times, const std::function<void()>& as = kAsIs) {
    return Actor([=, this](const Actor::Stage& stage) {
      as();
      for (int i = 0; i < times; ++i)
        for (const std::string& path : paths) stage.Say(this->ConnectFd(socket(AF_UNIX, SOCK_STREAM, 0), path));
      stage.Reach();
    });
  }
  static Ints Heard(Actor& client, int times) {
    Ints errors;
    for (int i = 0; i < times; ++i) errors.push_back(client.Hear());
    return errors;
  }
  Ints Connects(int times, const std::function<void()>& as = kAsIs) {
    Actor client = Client({this->guarded_}, times, as);
    return Heard(client, times);
  }
  int Queued() {
    fcntl(this->listener_.get(), F_SETFL, O_NONBLOCK);
    int queued = 0;
    while (kit::OwnedFd(accept4(this->listener_.get(), nullptr, nullptr, SOCK_CLOEXEC))) ++queued;
    return queued;
  }
  std::vector<belfry_event_limited> Told() { return this->template Drain<belfry_event_limited>(BELFRY_KIND_LIMITED); }
  ProgramCounters Counted() { return this->CountersOf("limit"); }
};

// What holds on every backend: nobody is refused, but told.
using LimitTest = Limited<LiveKernel>;

class LimitRefusal : public LimitTest {
 protected:
  void SetUp() override {
    LimitTest::SetUp();
    if (HasFatalFailure() || IsSkipped()) return;
    if (!kernel_->RefusesUse())
      GTEST_SKIP() << "missing: a backend that refuses (bpf_lsm or fmod_ret), not " << kernel_->BackendName();
  }
};

inline std::function<void()> As(uint32_t uid) {
  return [uid] {
    if (setresuid(uid, uid, uid) != 0) _exit(95);
  };
}

}  // namespace belfry::kernel

#endif  // BELFRY_TESTS_KERNEL_LIMITED_H_
