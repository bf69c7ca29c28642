#include "kernel/names.h"

#include <bpf/bpf.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <tuple>

#include "belfry/file_name.h"
#include "kernel/map_keys.h"
#include "kit/error.h"

namespace belfry::kernel {
namespace {

absl::Status WriteBits(int files_fd, const belfry_files& files) {
  const uint32_t zero = 0;
  if (bpf_map_update_elem(files_fd, &zero, &files, BPF_ANY) == 0) return absl::OkStatus();
  return kit::ErrnoError("writing the map `guarded_files`");
}

// Of these names, and of those that were guarded before.
belfry_files BitsOf(std::span<const GuardedName> names, belfry_files files) {
  for (const GuardedName& name : names) {
    const uint32_t bit = FileBitOf(name.path);
    files.word[bit / 64] |= 1ull << bit % 64;
  }
  return files;
}

}  // namespace

uint32_t FileBitOf(std::string_view path) {
  while (!path.starts_with('@') && (path.ends_with('/') || path.ends_with("/."))) path.remove_suffix(1);
  std::string name(path.starts_with('@') ? path : path.substr(path.rfind('/') + 1));
  if (path.starts_with('@')) name = AbstractBytes(name);
  uint64_t first = 0;
  std::memcpy(&first, name.data(), std::min(name.size(), sizeof first));
  return belfry_file_bit(first, static_cast<uint32_t>(name.size()));
}

absl::Status WriteGuardedNames(std::span<const GuardedName> names, const NameSecret& secret, int names_fd, int files_fd) {
  std::map<std::tuple<uint64_t, uint32_t>, belfry_name_value> wanted;
  for (const GuardedName& name : names) {
    const belfry_name_key key = NameKey(secret, name.dev, name.path);
    wanted[{key.hash, key.dev}] = {.guard = name.guard, .socket = name.socket};
  }
  const uint32_t zero = 0;
  belfry_files before = {};
  if (bpf_map_lookup_elem(files_fd, &zero, &before) != 0) return kit::ErrnoError("reading the map `guarded_files`");
  if (absl::Status s = WriteBits(files_fd, BitsOf(names, before)); !s.ok()) return s;
  for (const auto& [id, value] : wanted) {
    const belfry_name_key key = {.hash = std::get<0>(id), .dev = std::get<1>(id), .pad = 0};
    if (bpf_map_update_elem(names_fd, &key, &value, BPF_ANY) != 0)
      return kit::ErrnoError("guarding a socket's name", "guard fewer sockets");
  }
  DeleteUnwanted<belfry_name_key>(names_fd, [&](const belfry_name_key& key) { return wanted.contains({key.hash, key.dev}); });
  return WriteBits(files_fd, BitsOf(names, {}));
}

}  // namespace belfry::kernel
