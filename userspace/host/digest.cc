#include "host/digest.h"

// EVP drags every provider of OpenSSL into a static program (3.7 MB in belfry-spire-plugin, which must stay below 10
// MB); the plain functions are the same code, deprecated in name only.
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/sha.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <string_view>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "kit/error.h"

namespace belfry::host {
namespace {

constexpr const char* kDoing = "computing a sha256";
constexpr size_t kChunkBytes = 1 << 20;

bool SameContent(const struct stat& a, const struct stat& b) {
  return a.st_size == b.st_size && a.st_mtim.tv_sec == b.st_mtim.tv_sec && a.st_mtim.tv_nsec == b.st_mtim.tv_nsec;
}

absl::Status Fault() { return kit::Error(absl::StatusCode::kInternal, kDoing, "OpenSSL refused to work"); }

absl::Status TooLarge(uint64_t limit) {
  return kit::Error(absl::StatusCode::kOutOfRange, kDoing,
                    absl::StrCat("the file is larger than the limit of ", limit, " bytes"));
}

}  // namespace

absl::StatusOr<std::string> Sha256(int fd, uint64_t size_limit, const GoOn& go_on) {
  struct stat before {};
  if (fstat(fd, &before) != 0) return kit::ErrnoError(kDoing);
  if (!S_ISREG(before.st_mode)) return kit::Error(absl::StatusCode::kFailedPrecondition, kDoing, "not a regular file");
  if (size_limit != 0 && static_cast<uint64_t>(before.st_size) > size_limit) return TooLarge(size_limit);

  SHA256_CTX context;
  if (SHA256_Init(&context) != 1) return Fault();
  std::vector<char> chunk(kChunkBytes);
  uint64_t done = 0;
  for (;;) {
    const ssize_t got = pread(fd, chunk.data(), chunk.size(), static_cast<off_t>(done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return kit::ErrnoError(kDoing);
    if (got == 0) break;
    if (SHA256_Update(&context, chunk.data(), got) != 1) return Fault();
    done += got;
    if (size_limit != 0 && done > size_limit) return TooLarge(size_limit);
    if (go_on && !go_on(done)) return kit::Error(absl::StatusCode::kCancelled, kDoing, "no longer wanted");
  }

  // A file that is being executed cannot be written (ETXTBSY); any other can, and half of each version is no digest.
  struct stat after {};
  if (fstat(fd, &after) != 0) return kit::ErrnoError(kDoing);
  if (!SameContent(before, after) || done != static_cast<uint64_t>(before.st_size)) {
    return kit::Error(absl::StatusCode::kAborted, kDoing, "the file changed while it was read", "ask again");
  }
  unsigned char digest[SHA256_DIGEST_LENGTH];
  if (SHA256_Final(digest, &context) != 1) return Fault();
  return absl::BytesToHexString(absl::string_view(reinterpret_cast<const char*>(digest), sizeof digest));
}

}  // namespace belfry::host
