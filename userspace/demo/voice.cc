#include "demo/voice.h"

namespace belfry::demo {

Voice::Voice(int control) : control_(control), thread_([this] { Speak(); }) {}

Voice::~Voice() {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    ending_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void Voice::Say(const Json& body) {
  std::lock_guard<std::mutex> lock(mutex_);
  unsaid_.push_back(body);
  changed_.notify_all();
}

void Voice::Speak() {
  std::unique_lock<std::mutex> lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return ending_ || !unsaid_.empty(); });
    if (unsaid_.empty()) return;
    const Json next = std::move(unsaid_.front());
    unsaid_.pop_front();
    lock.unlock();
    const bool heard = SendPacket(control_, next).ok();
    lock.lock();
    if (!heard) unsaid_.clear();  // the director is gone; that is noticed where its packets are read
  }
}

}  // namespace belfry::demo
