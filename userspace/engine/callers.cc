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

// NotFound: there is none any more. What could not be looked at is not said to be nobody.
absl::StatusOr<belfry_live> LookAt(kernel::Kernel& kernel, uint32_t tgid) {
  auto live = kernel.Live(tgid);
  if (live.ok() || absl::IsNotFound(live.status())) return live;
  return absl::UnavailableError(live.status().message());
}

// The parent, if it is still the one that the child knew.
absl::StatusOr<belfry_live> ParentOf(kernel::Kernel& kernel, const belfry_live& child) {
  auto parent = LookAt(kernel, child.parent_tgid);
  if (parent.ok() && parent->pin.start_ns != child.parent_start_ns) return absl::NotFoundError("another has its number");
  return parent;
}

// Those whose plugin the caller may be: its parent and, if that runs the caller's image, its parent's parent.
absl::StatusOr<std::vector<belfry_pin>> ServersAbove(kernel::Kernel& kernel, uint32_t caller) {
  const auto self = LookAt(kernel, caller);
  if (!self.ok()) return self.status();
  const auto parent = ParentOf(kernel, *self);
  if (!parent.ok()) return parent.status();
  std::vector<belfry_pin> servers{parent->pin};
  if (!SameImage(ImageOf(kernel, *self), ImageOf(kernel, *parent))) return servers;
  const auto grandparent = ParentOf(kernel, *parent);
  if (!grandparent.ok() && !absl::IsNotFound(grandparent.status())) return grandparent.status();
  if (grandparent.ok()) servers.push_back(grandparent->pin);
  return servers;
}

}  // namespace

absl::StatusOr<uint32_t> GuardOfCaller(kernel::Kernel& kernel, Guards& guards, uint32_t caller,
                                       const std::string& name) {
  const std::string doing = absl::StrCat("admitting pid ", caller);
  const auto servers = ServersAbove(kernel, caller);
  if (!servers.ok() && !absl::IsNotFound(servers.status())) return servers.status();
  bool is_anyones = false;
  for (const belfry_pin& server : servers.value_or(std::vector<belfry_pin>())) {
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
