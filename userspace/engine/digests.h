// SHA-256 sums of executables, computed off the loop, each file once at a time, kept by what the file is.
// Loop thread only. The descriptor is shared: it lives until the last user lets go.
#ifndef BELFRY_ENGINE_DIGESTS_H_
#define BELFRY_ENGINE_DIGESTS_H_

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "absl/status/statusor.h"
#include "belfry/wire.h"
#include "host/digest_cache.h"
#include "host/workers.h"
#include "kernel/kernel.h"
#include "kit/owned_fd.h"

namespace belfry::engine {

class Digests {
 public:
  using Done = std::function<void(const absl::StatusOr<std::string>&)>;

  Digests(kernel::Kernel& kernel, host::Workers& hashers) : kernel_(kernel), hashers_(hashers) {}

  // `described` is the kernel's word about `fd`, read just now. FailedPrecondition: no digest of this file proves
  // anything; OutOfRange: larger than size_limit (0: none); Unavailable, Aborted: ask again.
  // `owner`: whose file it is, so that one user's huge files hold one thread and not all.
  void Start(std::shared_ptr<kit::OwnedFd> fd, const belfry_described_file& described, uint64_t size_limit, uint32_t owner,
             Done done);

  // Of a file as it was at `image`, if that was computed then; nullopt otherwise.
  std::optional<std::string> Known(const belfry_described_file& now, const belfry_file_id& image);

 private:
  using Key = std::tuple<uint32_t, uint64_t, uint32_t, uint64_t, uint64_t>;
  struct Running;
  void Finish(const Key& key, absl::StatusOr<std::string> digest);

  kernel::Kernel& kernel_;
  host::Workers& hashers_;
  host::DigestCache cache_;
  std::map<Key, std::shared_ptr<Running>> running_;
};

}  // namespace belfry::engine

#endif  // BELFRY_ENGINE_DIGESTS_H_
