// SHA-256 of the very file behind a descriptor.
// Reads from offset 0 without moving the descriptor's position. Thread-safe. May block on the file's filesystem.
#ifndef BELFRY_HOST_DIGEST_H_
#define BELFRY_HOST_DIGEST_H_

#include <cstdint>
#include <functional>
#include <string>

#include "absl/status/statusor.h"

namespace belfry::host {

// Called after each chunk (1 MiB) with the bytes read so far; false stops the work.
using GoOn = std::function<bool(uint64_t bytes)>;

// 64 lower-case hex digits. size_limit in bytes, 0: none.
// OutOfRange: larger than size_limit (found without reading it). Cancelled: go_on said so. FailedPrecondition: not a
// regular file. Aborted: it was changed while it was read.
absl::StatusOr<std::string> Sha256(int fd, uint64_t size_limit = 0, const GoOn& go_on = nullptr);

}  // namespace belfry::host

#endif  // BELFRY_HOST_DIGEST_H_
