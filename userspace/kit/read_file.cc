#include "kit/read_file.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "absl/strings/str_cat.h"
#include "kit/error.h"
#include "kit/escape.h"
#include "kit/owned_fd.h"

namespace belfry::kit {

absl::StatusOr<std::string> ReadFd(int fd, size_t limit, const std::string& name) {
  std::string out;
  for (;;) {
    char chunk[16384];
    const ssize_t got = read(fd, chunk, std::min(sizeof chunk, limit - out.size() + 1));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return ErrnoError(absl::StrCat("reading ", Escape(name)));
    if (got == 0) return out;
    out.append(chunk, got);
    if (out.size() > limit) {
      return Error(absl::StatusCode::kResourceExhausted, absl::StrCat("reading ", Escape(name)),
                   absl::StrCat("it has more than ", limit, " bytes"));
    }
  }
}

absl::StatusOr<std::string> ReadFile(const std::string& path, size_t limit, int directory) {
  const OwnedFd fd(openat(directory, path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
  if (!fd) return ErrnoError(absl::StrCat("opening ", Escape(path)));
  return ReadFd(fd.get(), limit, path);
}

}  // namespace belfry::kit
