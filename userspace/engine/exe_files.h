// The policy's paths and the files they lead to, by the kernel's word: (device, inode, generation).
//
// A path is followed again when its file was replaced: by a package upgrade, or because it was not there yet. A process
// that was executed before that keeps its name: an upgrade under a running service changes nothing for it.
// Loop thread only. Opens paths for their name alone; one on a filesystem in userspace may block, as guarded sockets do.
#ifndef BELFRY_ENGINE_EXE_FILES_H_
#define BELFRY_ENGINE_EXE_FILES_H_

#include <sys/stat.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "belfry/wire.h"
#include "kernel/kernel.h"

namespace belfry::engine {

class ExeFiles {
 public:
  explicit ExeFiles(kernel::Kernel& kernel) : kernel_(kernel) {}

  // Those of a policy; what is known of a path that stays is kept.
  void Watch(const std::vector<std::string>& paths);

  // Looks whether any of them leads elsewhere now. False: there was more to ask the kernel than one look may take.
  bool Look();

  // The file that a path leads to, and those it led to: for whoever was executed in time.
  struct Led {
    bool known = false;  // false: nobody has looked, or the kernel did not answer
    std::optional<belfry_file_id> now;
    std::vector<belfry_file_id> before;
  };
  Led LedBy(const std::string& path) const;
  // Another number whenever LedBy may answer otherwise than before.
  uint64_t changes() const { return changes_; }
  // A file that changed after this (CLOCK_REALTIME) may have taken a watched path since; 0: nobody has looked at all.
  uint64_t looked_ctime_ns() const { return looked_ctime_ns_; }

  // The paths that lead to this file, or led there when it was executed (boot ns; 0: not seen). Looks again at those that
  // `called` (the path by which /proc calls it) could have become, and at all of them if they are few.
  std::vector<std::string> PathsOf(const belfry_file_id& image, uint64_t exec_ns, const std::string& called);

  bool Watches(const std::string& path) const { return files_.contains(path); }
  bool Exists(const std::string& path) const;

 private:
  struct Before {  // to which file, until when
    belfry_file_id id{};
    uint64_t until_ns = 0;
  };
  struct File {
    struct stat seen {};  // when the kernel was asked; all zero: not there
    bool asked = false;
    std::optional<belfry_file_id> id;  // nullopt: none that counts
    std::vector<Before> before;
  };
  using Files = std::map<std::string, File>;
  bool Follow(Files::value_type& file, int& questions);
  void IndexAll();
  static bool Leads(const File& file, const belfry_file_id& image, uint64_t exec_ns);
  std::vector<std::string> Known(const belfry_file_id& image, uint64_t exec_ns) const;

  kernel::Kernel& kernel_;
  Files files_;
  absl::flat_hash_map<uint64_t, std::vector<const Files::value_type*>> by_inode_;  // led to now or before
  uint64_t looked_ns_ = 0;
  uint64_t looked_ctime_ns_ = 0;
  uint64_t changes_ = 0;
};

}  // namespace belfry::engine

#endif  // BELFRY_ENGINE_EXE_FILES_H_
