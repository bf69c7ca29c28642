// The connection records, read from the map that decides; complete for an opener whatever the ring lost.
// Not thread-safe.
#ifndef BELFRY_KERNEL_RECORDS_H_
#define BELFRY_KERNEL_RECORDS_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "kernel/kernel.h"
#include "kernel/opener_index.h"
#include "kernel/skeleton.h"
#include "kernel/snapshot.h"

namespace belfry::kernel {

class Records {
 public:
  // `collect` takes what is in the ring and shows it to Notice; `skeleton` is loaded, it and `snapshot` outlive this.
  static absl::StatusOr<std::unique_ptr<Records>> Open(belfry_bpf* skeleton, Snapshot& snapshot,
                                                       std::function<absl::Status()> collect);
  ~Records();

  void Notice(const belfry_header& header);  // an event as it leaves the ring: the whole record lies behind the header

  std::optional<belfry_connection> Find(uint64_t cookie) const;
  std::optional<ConnectionEntry> One(uint64_t cookie);
  absl::StatusOr<std::vector<ConnectionEntry>> Of(uint32_t tgid);
  absl::StatusOr<std::vector<ConnectionEntry>> All();
  absl::Status Taint(uint64_t cookie, uint32_t bits);
  absl::Status Insert(uint64_t cookie, const belfry_connection& record);
  absl::Status Forget(uint64_t cookie);

 private:
  Records(belfry_bpf* skeleton, Snapshot& snapshot, std::function<absl::Status()> collect, const uint64_t* made);
  absl::StatusOr<std::vector<ConnectionEntry>> Walk();
  absl::StatusOr<std::vector<ConnectionEntry>> WalkAnew();
  void Examine(ConnectionEntry& entry);
  bool OpenerLives(const belfry_pin& opener);

  belfry_bpf* skeleton_;
  Snapshot& snapshot_;
  int map_fd_;
  std::function<absl::Status()> collect_;
  const uint64_t* made_;
  OpenerIndex index_;
};

}  // namespace belfry::kernel

#endif  // BELFRY_KERNEL_RECORDS_H_
