#include "engine/digests.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "host/digest.h"
#include "kit/clock.h"

namespace belfry::engine {
namespace {

// A sparse file costs its maker nothing and its reader hours.
constexpr uint64_t kLargestBytes = uint64_t{4} << 30;

}  // namespace

struct Digests::Running {
  std::shared_ptr<kit::OwnedFd> fd;
  belfry_described_file described{};
  uint64_t began_ns = 0;  // CLOCK_REALTIME, what ctimes are compared with
  std::vector<Done> waiting;
};

void Digests::Start(std::shared_ptr<kit::OwnedFd> fd, const belfry_described_file& described, uint64_t size_limit,
                    uint32_t owner, Done done) {
  if (absl::Status may = host::MayDigest(described); !may.ok()) return done(may);
  if (size_limit != 0 && described.id.size > size_limit)
    return done(absl::OutOfRangeError(
        absl::StrCat("digest: the executable has ", described.id.size, " bytes; the limit is ", size_limit)));
  if (described.id.size > kLargestBytes)
    return done(absl::OutOfRangeError(
        absl::StrCat("digest: the executable has ", described.id.size, " bytes; more than 4 GiB is not digested")));
  if (const auto known = cache_.Find(described)) return done(*known);
  const belfry_file_id& id = described.id;
  const Key key(id.dev, id.ino, id.generation, id.ctime_ns, id.size);
  if (const auto at = running_.find(key); at != running_.end()) {
    at->second->waiting.push_back(std::move(done));
    return;
  }
  auto running = std::make_shared<Running>();
  *running = {.fd = std::move(fd), .described = described, .began_ns = kit::RealNs()};
  running->waiting.push_back(std::move(done));
  running_.emplace(key, running);
  auto digest = std::make_shared<absl::StatusOr<std::string>>(absl::UnavailableError("digest: not begun"));
  const absl::Status queued = hashers_.Submit(
      owner, host::kNoDeadline,
      [running, digest](const std::atomic<bool>& stopping) {
        *digest = host::Sha256(running->fd->get(), 0, [&](uint64_t) { return !stopping; });
      },
      [this, key, digest](const absl::Status& ended) { Finish(key, ended.ok() ? *digest : ended); });
  if (!queued.ok()) Finish(key, queued);
}

std::optional<std::string> Digests::Known(const belfry_described_file& now, const belfry_file_id& image) {
  belfry_described_file then = now;
  then.id = image;
  return cache_.Find(then);
}

void Digests::Finish(const Key& key, absl::StatusOr<std::string> digest) {
  const std::shared_ptr<Running> running = std::move(running_.extract(key).mapped());
  const auto after = kernel_.Describe(running->fd->get());
  const belfry_file_id& before = running->described.id;
  if (digest.ok() && (!after.ok() || after->id.ctime_ns != before.ctime_ns || after->id.size != before.size))
    digest = absl::AbortedError("digest: the executable was changed while it was read; ask again");
  if (digest.ok()) cache_.Insert(running->described, running->began_ns, *digest);
  for (const Done& done : running->waiting) done(digest);
}

}  // namespace belfry::engine
