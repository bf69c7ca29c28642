// A TCP address of this machine alone, and a socket that listens there. Thread-safe.
#ifndef BELFRY_SERVICE_LOOPBACK_H_
#define BELFRY_SERVICE_LOOPBACK_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "kit/owned_fd.h"

namespace belfry::service {

struct LoopbackAddress {
  std::string host;  // in 127.0.0.0/8, or ::1
  uint16_t port = 0;

  bool operator==(const LoopbackAddress&) const = default;
};

// "9464", "127.0.0.1:9464", "localhost:9464" or "[::1]:9464". InvalidArgument: anything else, in words that say what would do.
absl::StatusOr<LoopbackAddress> ParseLoopback(const std::string& text);

// Does not block. AlreadyExists: the port is taken.
absl::StatusOr<kit::OwnedFd> ListenOnLoopback(const LoopbackAddress& address);

}  // namespace belfry::service

#endif  // BELFRY_SERVICE_LOOPBACK_H_
