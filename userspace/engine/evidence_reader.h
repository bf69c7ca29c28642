// What the records have no field for: supplementary groups, the executable's path and digest. Read from /proc by
// workers, never by the loop; whoever asks compares pin and image before and after. Loop thread only.
//
// The path and the digest are of the very file that the kernel calls the image: our own descriptor of /proc/PID/exe is
// identified by the kernel (Describe), never by stat, and compared with the image of the exec record.
#ifndef BELFRY_ENGINE_EVIDENCE_READER_H_
#define BELFRY_ENGINE_EVIDENCE_READER_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "belfry/wire.h"
#include "engine/digests.h"
#include "host/workers.h"
#include "kernel/kernel.h"

namespace belfry::engine {

struct Wanted {
  bool path = false;
  bool sha256 = false;
  uint64_t size_limit = 0;
  uint64_t exec_ns = 0;         // when `image` was executed (boot ns); 0: not seen
  uint32_t tolerated_place = 0;  // BELFRY_PLACE_MNTNS_* of the executable's mount with which a path may be told
};

struct Read {
  absl::Status status;  // not OK: not ready or not readable, there is no evidence
  std::vector<uint32_t> supplementary_gids;
  std::optional<std::string> path;
  std::optional<std::string> sha256;
  std::string absent;  // why path or digest are not there although wanted
};

class EvidenceReader {
 public:
  EvidenceReader(kernel::Kernel& kernel, host::Workers& readers, Digests& digests)
      : kernel_(kernel), readers_(readers), digests_(digests) {}

  // `image`: what the file must be. `owner`: whose files these are, so that one user's cannot hold all workers.
  // `done` comes once, later: Unavailable or DeadlineExceeded in `status` if the workers could not.
  void Start(uint32_t tgid, uint32_t owner, const belfry_file_id& image, const Wanted& wanted,
             std::function<void(const Read&)> done);

 private:
  struct Job;
  void Identify(const std::shared_ptr<Job>& job);

  kernel::Kernel& kernel_;
  host::Workers& readers_;
  Digests& digests_;
};

}  // namespace belfry::engine

#endif  // BELFRY_ENGINE_EVIDENCE_READER_H_
