#include "kernel/ring.h"

#include <bpf/libbpf.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <utility>

#include "kit/error.h"

namespace belfry::kernel {
namespace {

absl::Status Watch(int poll_fd, int fd) {
  epoll_event event = {};
  event.events = EPOLLIN;
  event.data.fd = fd;
  if (epoll_ctl(poll_fd, EPOLL_CTL_ADD, fd, &event) == 0) return absl::OkStatus();
  return kit::ErrnoError("watching the event ring");
}

}  // namespace

absl::StatusOr<std::unique_ptr<Ring>> Ring::Open(int map_fd, Sink notice) {
  std::unique_ptr<Ring> ring(new Ring(std::move(notice)));
  ring->buffer_ = ring_buffer__new(map_fd, &Ring::Take, ring.get(), nullptr);
  if (ring->buffer_ == nullptr) return kit::ErrnoError("opening the event ring");
  ring->poll_ = kit::OwnedFd(epoll_create1(EPOLL_CLOEXEC));
  ring->waiting_ = kit::OwnedFd(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!ring->poll_ || !ring->waiting_) return kit::ErrnoError("watching the event ring");
  if (absl::Status s = Watch(ring->poll_.get(), ring_buffer__epoll_fd(ring->buffer_)); !s.ok()) return s;
  if (absl::Status s = Watch(ring->poll_.get(), ring->waiting_.get()); !s.ok()) return s;
  return ring;
}

Ring::~Ring() {
  if (buffer_ != nullptr) ring_buffer__free(buffer_);
}

int Ring::Take(void* ring, void* data, size_t size) {
  Ring* self = static_cast<Ring*>(ring);
  self->notice_(std::span(static_cast<const std::byte*>(data), size));
  const uint64_t header = size;
  self->bytes_.append(reinterpret_cast<const char*>(&header), sizeof(header));
  self->bytes_.append(static_cast<const char*>(data), size);
  return 0;
}

absl::Status Ring::Collect() {
  const bool was_empty = bytes_.empty();
  const int taken = ring_buffer__consume(buffer_);
  if (taken < 0) {
    errno = -taken;
    return kit::ErrnoError("reading the event ring");
  }
  const uint64_t one = 1;
  if (was_empty && !bytes_.empty()) (void)!write(waiting_.get(), &one, sizeof(one));
  return absl::OkStatus();
}

absl::Status Ring::Deliver(const Sink& sink) {
  const absl::Status collected = Collect();
  uint64_t count = 0;
  (void)!read(waiting_.get(), &count, sizeof(count));
  // Moved out first: the sink may ask the kernel again, and that collects.
  const std::string bytes = std::exchange(bytes_, {});
  for (size_t at = 0; at < bytes.size();) {
    uint64_t size = 0;
    std::memcpy(&size, bytes.data() + at, sizeof(size));
    at += sizeof(size);
    sink(std::span(reinterpret_cast<const std::byte*>(bytes.data() + at), size));
    at += size;
  }
  return collected;
}

}  // namespace belfry::kernel
