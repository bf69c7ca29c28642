// Keeps the kernel part told which ports are guarded, and at which addresses they are this machine's. Loop thread only.
#ifndef BELFRY_ENGINE_PORTS_H_
#define BELFRY_ENGINE_PORTS_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>

#include "absl/status/status.h"
#include "engine/guard.h"
#include "engine/loop.h"
#include "host/own_addresses.h"
#include "kernel/kernel.h"
#include "kit/log.h"

namespace belfry::engine {

class Ports {
 public:
  Ports(Loop& loop, kernel::Kernel& kernel, Guards& guards, const kit::Log& log)
      : loop_(loop), kernel_(kernel), guards_(guards), log_(log) {}
  ~Ports();

  // Those of the guards, and the canary's unless it is 0.
  absl::Status Guard(uint16_t canary_port);
  // Every so often, for what the watch missed. While no port is guarded nobody is asked.
  void Look();

 private:
  void Watch();
  void Tell(const absl::Status& status);

  Loop& loop_;
  kernel::Kernel& kernel_;
  Guards& guards_;
  const kit::Log& log_;
  std::optional<host::AddressWatch> watch_;
  std::optional<std::set<host::IpAddress>> told_;
  std::string said_;  // what went wrong last: said once
};

}  // namespace belfry::engine

#endif  // BELFRY_ENGINE_PORTS_H_
