// The one thread that owns the world: descriptors, timers, and tasks posted by other threads.
//
// Everything but Post and Stop belongs to the thread that calls Run. Callbacks run one at a time, may add and remove
// descriptors and timers (their own too), and must not block. Timers count steady time.
#ifndef BELFRY_ENGINE_LOOP_H_
#define BELFRY_ENGINE_LOOP_H_

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "kit/owned_fd.h"

namespace belfry::engine {

class Loop {
 public:
  using Task = std::function<void()>;
  using TimerId = uint64_t;  // 0: none

  static absl::StatusOr<std::unique_ptr<Loop>> Make();

  // `events` are those of epoll(7). The descriptor stays the caller's and must be removed before it is closed.
  absl::Status Watch(int fd, uint32_t events, std::function<void(uint32_t)> ready);
  void Unwatch(int fd);

  TimerId After(std::chrono::nanoseconds delay, Task task);
  void Cancel(TimerId timer);

  // Thread-safe; runs in posting order. Dropped once the loop has stopped: false.
  bool Post(Task task);
  void Stop();  // thread-safe; Run returns after the current callback

  void Run();
  // One turn: waits for at most `wait` until something is due, then runs it.
  void Turn(std::chrono::milliseconds wait);
  bool stopped() const { return stopped_; }

 private:
  Loop() = default;
  void RunPosted();
  void RunTimers();

  kit::OwnedFd epoll_, wake_;
  // shared: a callback that removes its own descriptor must not free itself while it runs.
  std::map<int, std::shared_ptr<std::function<void(uint32_t)>>> watched_;
  std::map<std::pair<std::chrono::steady_clock::time_point, TimerId>, Task> timers_;
  std::map<TimerId, std::chrono::steady_clock::time_point> due_;
  TimerId last_timer_ = 0;

  std::mutex mutex_;  // guards posted_ and closed_
  std::deque<Task> posted_;
  bool closed_ = false;
  bool stopped_ = false;
};

}  // namespace belfry::engine

#endif  // BELFRY_ENGINE_LOOP_H_
