#include "engine/callers.h"

#include <optional>
#include <vector>

#include "absl/strings/str_cat.h"
#include "kit/error.h"

namespace belfry::engine {
namespace {

// The image as of the exec where that was seen; else what runs now.
belfry_file_id ImageOf(kernel::Kernel& kernel, const belfry_live& live) {
  const auto process = kernel.Process(live.pin.tgid);
  const bool seen = process && SameProcess(process->pin, live.pin) && process->pin.exec_id == live.pin.exec_id &&
                    !(process->image_flags & BELFRY_IMAGE_BACKFILLED);
  return seen ? process->image : live.exe;
}

bool SameImage(const belfry_file_id& a, const belfry_file_id& b) {
  return a.ino != 0 && a.ino == b.ino && a.dev == b.dev && a.generation == b.generation;
}

// The parent, if it is still the one that the child knew.
std::optional<belfry_live> ParentOf(kernel::Kernel& kernel, const belfry_live& child) {
  const auto parent = kernel.Live(child.parent_tgid);
  return parent && parent->pin.start_ns == child.parent_start_ns ? parent : std::nullopt;
}

}  // namespace

absl::StatusOr<uint32_t> GuardOfCaller(kernel::Kernel& kernel, Guards& guards, uint32_t caller,
                                       const std::string& name) {
  const std::string doing = absl::StrCat("admitting pid ", caller);
  const auto self = kernel.Live(caller);
  const auto parent = self ? ParentOf(kernel, *self) : std::nullopt;
  std::vector<belfry_pin> servers;
  if (parent) servers.push_back(parent->pin);
  if (parent && SameImage(ImageOf(kernel, *self), ImageOf(kernel, *parent)))
    if (const auto grandparent = ParentOf(kernel, *parent)) servers.push_back(grandparent->pin);
  bool is_anyones = false;
  for (const belfry_pin& server : servers) {
    for (const Guard& guard : guards.all()) {
      if (!guard.IsOwn(server)) continue;
      is_anyones = true;
      if (name.empty() || guard.name() == name) return guard.number;
    }
  }
  return kit::Error(absl::StatusCode::kPermissionDenied, doing,
                    is_anyones ? absl::StrCat("it belongs to another guard than \"", name, "\"")
                               : "it is not a child of a process that serves a guard",
                    "attest.sock answers the plugin of a guarded agent only; see belfry status");
}

}  // namespace belfry::engine
