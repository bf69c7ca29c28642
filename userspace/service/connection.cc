#include "service/connection.h"

#include <utility>

namespace belfry::service {

uint64_t Connection::Register(std::function<void(absl::Status)> end) {
  absl::Status why;
  uint64_t ticket = 0;
  {
    std::lock_guard lock(mutex_);
    ticket = next_ticket_++;
    why = ended_;
    if (why.ok()) streams_.emplace(ticket, end);
  }
  if (!why.ok()) end(why);
  return ticket;
}

void Connection::Unregister(uint64_t ticket) {
  std::lock_guard lock(mutex_);
  streams_.erase(ticket);
}

void Connection::EndStreams(const absl::Status& why) {
  std::map<uint64_t, std::function<void(absl::Status)>> ending;
  {
    std::lock_guard lock(mutex_);
    ended_ = why;
    ending.swap(streams_);
  }
  for (auto& [ticket, end] : ending) end(why);  // unlocked: `end` takes its stream's lock, which also calls Unregister
}

}  // namespace belfry::service
