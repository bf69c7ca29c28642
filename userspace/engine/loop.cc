#include "engine/loop.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <array>

#include "kit/error.h"

namespace belfry::engine {

using std::chrono::steady_clock;

absl::StatusOr<std::unique_ptr<Loop>> Loop::Make() {
  std::unique_ptr<Loop> loop(new Loop());
  loop->epoll_ = kit::OwnedFd(epoll_create1(EPOLL_CLOEXEC));
  loop->wake_ = kit::OwnedFd(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!loop->epoll_ || !loop->wake_) return kit::ErrnoError("making the loop", "raise the limit of open files");
  epoll_event event{.events = EPOLLIN, .data = {.fd = loop->wake_.get()}};
  if (epoll_ctl(loop->epoll_.get(), EPOLL_CTL_ADD, loop->wake_.get(), &event) != 0)
    return kit::ErrnoError("making the loop");
  return loop;
}

absl::Status Loop::Watch(int fd, uint32_t events, std::function<void(uint32_t)> ready) {
  epoll_event event{.events = events, .data = {.fd = fd}};
  if (epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0) return kit::ErrnoError("watching a descriptor");
  watched_[fd] = std::make_shared<std::function<void(uint32_t)>>(std::move(ready));
  return absl::OkStatus();
}

void Loop::Unwatch(int fd) {
  if (watched_.erase(fd) > 0) epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
}

Loop::TimerId Loop::After(std::chrono::nanoseconds delay, Task task) {
  const TimerId id = ++last_timer_;
  const auto when = steady_clock::now() + delay;
  timers_.emplace(std::pair(when, id), std::move(task));
  due_.emplace(id, when);
  return id;
}

void Loop::Cancel(TimerId timer) {
  const auto at = due_.find(timer);
  if (at == due_.end()) return;
  timers_.erase({at->second, timer});
  due_.erase(at);
}

bool Loop::Post(Task task) {
  const std::lock_guard lock(mutex_);
  if (closed_) return false;
  posted_.push_back(std::move(task));
  const uint64_t one = 1;
  // A full eventfd is awake already.
  [[maybe_unused]] const ssize_t written = write(wake_.get(), &one, sizeof one);
  return true;
}

void Loop::Stop() {
  Post([this] { stopped_ = true; });
}

void Loop::RunPosted() {
  uint64_t count = 0;
  [[maybe_unused]] const ssize_t got = read(wake_.get(), &count, sizeof count);
  std::deque<Task> tasks;
  {
    const std::lock_guard lock(mutex_);
    tasks.swap(posted_);
  }
  for (Task& task : tasks) task();
}

void Loop::RunTimers() {
  const auto now = steady_clock::now();
  while (!timers_.empty() && timers_.begin()->first.first <= now) {
    auto node = timers_.extract(timers_.begin());
    due_.erase(node.key().second);
    node.mapped()();
  }
}

void Loop::Turn(std::chrono::milliseconds wait) {
  if (!timers_.empty()) {
    const auto left = timers_.begin()->first.first - steady_clock::now();
    // Rounded up: waking early would only turn the loop once more for nothing.
    wait = std::clamp(std::chrono::ceil<std::chrono::milliseconds>(left), std::chrono::milliseconds(0), wait);
  }
  std::array<epoll_event, 64> events;
  const int count = epoll_wait(epoll_.get(), events.data(), events.size(), static_cast<int>(wait.count()));
  for (int i = 0; i < count; ++i) {
    const int fd = events[i].data.fd;
    if (fd == wake_.get()) {
      RunPosted();
      continue;
    }
    const auto at = watched_.find(fd);
    if (at == watched_.end()) continue;  // removed by a callback of this turn
    const auto ready = at->second;
    (*ready)(events[i].events);
  }
  RunTimers();
}

void Loop::Run() {
  while (!stopped_) Turn(std::chrono::hours(1));
  const std::lock_guard lock(mutex_);
  closed_ = true;
  posted_.clear();
}

}  // namespace belfry::engine
