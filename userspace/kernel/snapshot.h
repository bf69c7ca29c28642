// Questions about who lives and who holds what, answered by the iterators of bpf/snapshot.bpf.c.
// Not thread-safe: the questions are put in memory shared with the programs.
#ifndef BELFRY_KERNEL_SNAPSHOT_H_
#define BELFRY_KERNEL_SNAPSHOT_H_

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "belfry/wire.h"
#include "kernel/bpf_kernel.h"
#include "kernel/iterate.h"
#include "kernel/skeleton.h"

namespace belfry::kernel {

class Snapshot {
 public:
  // `skeleton` is loaded and outlives this.
  explicit Snapshot(belfry_bpf* skeleton);

  uint32_t OwnTgid() const { return own_tgid_; }
  // Places are judged against this root from now on.
  absl::Status SetReference(BpfOptions::Reference reference);

  absl::StatusOr<std::vector<belfry_live>> Live(uint32_t tgid);  // 0: all
  absl::StatusOr<std::vector<belfry_socket>> Sockets(uint32_t tgid);
  absl::StatusOr<std::vector<belfry_socket>> HoldersOf(std::span<const uint64_t> cookies);
  absl::StatusOr<belfry_described_file> Describe(int fd);
  std::optional<uint32_t> Translate(uint32_t asker, int32_t pid);

 private:
  belfry_question& Ask();
  Walk Thread(uint32_t tgid) const;
  Walk Process(uint32_t tgid) const;

  belfry_bpf* skeleton_;
  uint32_t own_tgid_ = 0;
  bool in_initial_namespace_ = false;  // only there may the kernel do the filtering: its numbers are the walker's
};

}  // namespace belfry::kernel

#endif  // BELFRY_KERNEL_SNAPSHOT_H_
