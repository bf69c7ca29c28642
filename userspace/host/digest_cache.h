// Digests that were computed, by what the file is and not by its name: (device, inode, generation, ctime, size).
//
// Two rules keep it honest. A file whose ctime is younger than 2 s is not remembered: before Linux 6.13 a ctime has the
// grain of a timer tick, so a rewrite of the same size in the same tick would keep the key. And only a local filesystem
// of the initial user namespace may have a digest at all: elsewhere whoever serves the file can answer each read anew.
// Not thread-safe: owned by the loop thread. Least recently used entries go first.
#ifndef BELFRY_HOST_DIGEST_CACHE_H_
#define BELFRY_HOST_DIGEST_CACHE_H_

#include <cstddef>
#include <cstdint>
#include <list>
#include <optional>
#include <string>
#include <tuple>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "belfry/wire.h"

namespace belfry::host {

inline constexpr uint64_t kSettledAfterNs = 2'000'000'000;

// The name of a local filesystem with this magic number, nullptr for any other (nfs, fuse, 9p, cifs, unknown).
const char* LocalFilesystem(uint64_t magic);

// OK, or FailedPrecondition with why no digest of this file would prove anything.
absl::Status MayDigest(const belfry_described_file& file);

class DigestCache {
 public:
  explicit DigestCache(size_t capacity = 4096) : capacity_(capacity) {}

  std::optional<std::string> Find(const belfry_described_file& file);

  // `file` as it was described before the reading began; `began_ns` is CLOCK_REALTIME at that moment.
  // Returns whether it was remembered.
  bool Insert(const belfry_described_file& file, uint64_t began_ns, std::string sha256);

  size_t size() const { return entries_.size(); }

 private:
  using Key = std::tuple<uint32_t, uint64_t, uint32_t, uint64_t, uint64_t>;  // dev, ino, generation, ctime, size
  using Entries = std::list<std::pair<Key, std::string>>;                    // most recently used first
  static Key KeyOf(const belfry_described_file& file);

  const size_t capacity_;
  Entries entries_;
  absl::flat_hash_map<Key, Entries::iterator> index_;
};

}  // namespace belfry::host

#endif  // BELFRY_HOST_DIGEST_CACHE_H_
