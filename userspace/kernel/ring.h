// The ring's reading end, which can be emptied early without losing the place: records wait until they are asked for.
//
// Not thread-safe. Errors name the ring.
#ifndef BELFRY_KERNEL_RING_H_
#define BELFRY_KERNEL_RING_H_

#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "kit/owned_fd.h"

struct ring_buffer;

namespace belfry::kernel {

class Ring {
 public:
  using Sink = std::function<void(std::span<const std::byte>)>;

  // `notice` sees every record once, as it leaves the ring.
  static absl::StatusOr<std::unique_ptr<Ring>> Open(int map_fd, Sink notice);
  ~Ring();

  int fd() const { return poll_.get(); }  // readable when Deliver has something
  absl::Status Collect();                 // ring to waiting records
  absl::Status Deliver(const Sink& sink);  // collects, then hands out everything that waits

 private:
  explicit Ring(Sink notice) : notice_(std::move(notice)) {}
  static int Take(void* ring, void* data, size_t size);

  Sink notice_;
  ring_buffer* buffer_ = nullptr;
  kit::OwnedFd poll_;     // epoll over the ring and `waiting_`
  kit::OwnedFd waiting_;  // eventfd: records were collected and not delivered
  std::string bytes_;     // of waiting records, each preceded by its size
};

}  // namespace belfry::kernel

#endif  // BELFRY_KERNEL_RING_H_
