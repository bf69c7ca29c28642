#include "kernel/off_switch.h"

#include <bpf/bpf.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <vector>

#include "absl/strings/match.h"
#include "belfry/wire.h"
#include "kernel/pins.h"
#include "kit/error.h"
#include "kit/owned_fd.h"

namespace belfry::kernel {
namespace {

// The value is of another version's making: only its first word is known, the rest is put back as it was.
absl::StatusOr<int> LetPassIn(const kit::OwnedFd& map, std::optional<uint32_t> number) {
  bpf_map_info info = {};
  uint32_t size = sizeof info;
  if (bpf_obj_get_info_by_fd(map.get(), &info, &size) != 0) return kit::ErrnoError("looking at a pinned map `guards`");
  std::vector<char> value(info.value_size);
  int denied = 0;
  for (uint32_t guard = number.value_or(0); guard < info.max_entries; ++guard) {
    uint32_t mode = 0;
    if (bpf_map_lookup_elem(map.get(), &guard, value.data()) != 0) return kit::ErrnoError("reading a pinned guard");
    memcpy(&mode, value.data(), sizeof mode);
    if (mode == BELFRY_MODE_DENY) {
      ++denied;
      mode = BELFRY_MODE_OBSERVE;
      memcpy(value.data(), &mode, sizeof mode);
      if (bpf_map_update_elem(map.get(), &guard, value.data(), BPF_ANY) != 0) return kit::ErrnoError("writing a pinned guard");
    }
    if (number) break;
  }
  return denied;
}

}  // namespace

absl::StatusOr<int> LetPass(const std::string& bpffs, std::optional<uint32_t> number) {
  if (!IsBpffs(bpffs)) return 0;
  int denied = 0;
  std::error_code error;
  std::filesystem::directory_iterator directories(bpffs, error);
  if (error) return kit::Error(absl::StatusCode::kUnavailable, "reading " + bpffs, error.message(), "be root");
  for (const auto& directory : directories) {
    if (!absl::StartsWith(directory.path().filename().string(), kPinPrefix)) continue;
    const kit::OwnedFd map(bpf_obj_get((directory.path() / "map_guards").c_str()));
    if (!map) continue;  // of a version that refused nothing
    const absl::StatusOr<int> here = LetPassIn(map, number);
    if (!here.ok()) return here.status();
    denied += *here;
  }
  return denied;
}

}  // namespace belfry::kernel
