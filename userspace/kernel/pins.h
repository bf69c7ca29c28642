// What outlives the daemon: a directory in bpffs, named after the layout, that holds maps, links and the object's mark.
#ifndef BELFRY_KERNEL_PINS_H_
#define BELFRY_KERNEL_PINS_H_

#include <span>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "kit/owned_fd.h"

namespace belfry::kernel {

inline constexpr char kPinPrefix[] = "belfry-";  // and the layout hash: a directory of ours in bpffs

bool IsBpffs(const std::string& path);

class Pins {
 public:
  // Mounts a bpffs of our own at `bpffs` if none is there, and makes the directory of this layout.
  static absl::StatusOr<Pins> Open(const std::string& bpffs);

  kit::OwnedFd Get(const std::string& name) const;  // empty if there is no such pin
  // Puts it in place of what bore the name, with no moment without either.
  absl::Status Put(const std::string& name, int fd) const;
  // Takes away the pins that begin with `prefix` and are not in `names`.
  void Keep(const std::string& prefix, std::span<const std::string> names) const;
  // Which object's programs the links are of; the mark is a directory, since bpffs holds nothing else by name.
  bool HasMark(const std::string& object) const;
  bool HasMarkOf(const std::string& beginning) const;  // one whose name begins so
  absl::Status SetMark(const std::string& object) const;
  // From here until SetMark links may be of several loads, be they of the marked object.
  absl::Status MarkUnfinished() const;
  bool IsUnfinished() const;
  // Removes what other layouts left in the same bpffs: their programs go with their links.
  absl::Status RemoveOthers() const;

 private:
  explicit Pins(std::string directory) : directory_(std::move(directory)) {}
  void ClearMark(const std::string& but) const;

  std::string directory_;
};

}  // namespace belfry::kernel

#endif  // BELFRY_KERNEL_PINS_H_
