// One file whose close takes as long as the scene wants: a FUSE filesystem with a single file that holds its FLUSH.
// A close-on-exec descriptor on it keeps an exec between the new image and the new exec id (kernel-facts 9.8).
// Mounted by root for everyone, as fusermount would for the attacker. The object unmounts; thread-safe.
// Source: linux/fuse.h, protocol 7.
#ifndef BELFRY_DEMO_SLOW_FILE_H_
#define BELFRY_DEMO_SLOW_FILE_H_

#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/statusor.h"
#include "kit/owned_fd.h"

namespace belfry::demo {

class SlowFile {
 public:
  // Unavailable where FUSE is not: the scene is skipped.
  static absl::StatusOr<std::unique_ptr<SlowFile>> Mount(const std::string& folder);
  ~SlowFile();

  std::string path() const { return folder_ + "/file"; }
  bool WaitForClose(int timeout_ms);  // true once someone is held in close
  void LetGo();                       // that close, and every later one, goes on

 private:
  SlowFile(std::string folder, kit::OwnedFd device);
  void Serve();
  void Answer(const std::vector<char>& request);
  void Reply(uint64_t unique, int error, const void* body, size_t bytes);

  const std::string folder_;
  kit::OwnedFd device_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<uint64_t> held_;  // FLUSH requests not answered
  bool let_go_ = false;
  std::thread thread_;
};

}  // namespace belfry::demo

#endif  // BELFRY_DEMO_SLOW_FILE_H_
