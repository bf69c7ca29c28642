// A file descriptor with exactly one owner, closed with it.
// Not thread-safe; move it between threads.
#ifndef BELFRY_KIT_OWNED_FD_H_
#define BELFRY_KIT_OWNED_FD_H_

#include <unistd.h>

#include <utility>

namespace belfry::kit {

class OwnedFd {
 public:
  OwnedFd() = default;
  explicit OwnedFd(int fd) : fd_(fd) {}
  OwnedFd(OwnedFd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  OwnedFd& operator=(OwnedFd&& other) noexcept {
    if (this != &other) {
      Reset();
      fd_ = std::exchange(other.fd_, -1);
    }
    return *this;
  }
  ~OwnedFd() { Reset(); }

  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }
  int Release() { return std::exchange(fd_, -1); }
  void Reset() {
    if (fd_ >= 0) close(std::exchange(fd_, -1));
  }

 private:
  int fd_ = -1;
};

}  // namespace belfry::kit

#endif  // BELFRY_KIT_OWNED_FD_H_
