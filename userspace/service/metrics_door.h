// Answers GET /metrics on a unix socket or a loopback port, in one thread of its own that waits for nobody.
//
// The loop is asked for numbers at most once per `fresh`, whoever asks and however often; the text is made here. A peer
// that sends nothing, or does not read, is let go after `limit`; for room the oldest goes. Running out of descriptors
// refuses peers and never stops the thread.
// Owned by one thread; the destructor ends everything at once.
#ifndef BELFRY_SERVICE_METRICS_DOOR_H_
#define BELFRY_SERVICE_METRICS_DOOR_H_

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <variant>

#include "absl/status/statusor.h"
#include "kit/owned_fd.h"
#include "service/listener.h"

namespace belfry::service {

using MetricsText = std::function<std::string()>;  // makes the text; empty: belfryd is stopping
// Called by the door's thread, must not wait; `done` may come in any thread, once or never.
using AskMetrics = std::function<void(std::function<void(MetricsText)> done)>;

struct MetricsDoorOptions {
  std::chrono::milliseconds limit{5000};  // for one connection, from its first byte to its last
  std::chrono::milliseconds fresh{200};   // one answer of the loop serves everybody for so long
  size_t connections = 16;
};

class MetricsDoor {
 public:
  using Listening = std::variant<Listener, kit::OwnedFd>;  // unix (its file goes with the door), or loopback
  static absl::StatusOr<std::unique_ptr<MetricsDoor>> Open(Listening listening, AskMetrics ask, MetricsDoorOptions options);
  virtual ~MetricsDoor() = default;
};

}  // namespace belfry::service

#endif  // BELFRY_SERVICE_METRICS_DOOR_H_
