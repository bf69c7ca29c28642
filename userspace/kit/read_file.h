// Whole files, but never more than the caller can hold.
// Errors: those of open(2) and read(2); ResourceExhausted if there is more than `limit` bytes. Thread-safe.
#ifndef BELFRY_KIT_READ_FILE_H_
#define BELFRY_KIT_READ_FILE_H_

#include <fcntl.h>

#include <cstddef>
#include <string>

#include "absl/status/statusor.h"

namespace belfry::kit {

// From the descriptor's present position to its end.
absl::StatusOr<std::string> ReadFd(int fd, size_t limit, const std::string& name);

// `path` is relative to `directory` unless it is absolute.
absl::StatusOr<std::string> ReadFile(const std::string& path, size_t limit, int directory = AT_FDCWD);

}  // namespace belfry::kit

#endif  // BELFRY_KIT_READ_FILE_H_
