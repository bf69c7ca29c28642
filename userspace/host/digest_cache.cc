#include "host/digest_cache.h"

#include <algorithm>
#include <array>

#include "absl/strings/str_cat.h"
#include "kit/error.h"

namespace belfry::host {
namespace {

struct Filesystem {
  uint64_t magic;
  const char* name;
};

// linux/magic.h, and the filesystems' own headers for those that are not in it. Not vfat, exfat and ntfs: an owner can
// set the change time there, and with it what tells one content from another.
constexpr std::array kLocal = {
    Filesystem{0xEF53, "ext4"},      Filesystem{0x58465342, "xfs"},      Filesystem{0x9123683E, "btrfs"},
    Filesystem{0x01021994, "tmpfs"}, Filesystem{0x858458F6, "ramfs"},    Filesystem{0x794C7630, "overlay"},
    Filesystem{0x2FC12FC1, "zfs"},   Filesystem{0xF2F52010, "f2fs"},     Filesystem{0x73717368, "squashfs"},
    Filesystem{0xE0F5E1E2, "erofs"}, Filesystem{0xCA451A4E, "bcachefs"}, Filesystem{0x52654973, "reiserfs"},
    Filesystem{0x3153464A, "jfs"},   Filesystem{0x3434, "nilfs"},        Filesystem{0x28CD3D45, "cramfs"},
    Filesystem{0x9660, "iso9660"},   Filesystem{0x15013346, "udf"},      Filesystem{0x24051905, "ubifs"},
    Filesystem{0x72B6, "jffs2"},
};

}  // namespace

const char* LocalFilesystem(uint64_t magic) {
  const auto found = std::find_if(kLocal.begin(), kLocal.end(), [&](const Filesystem& f) { return f.magic == magic; });
  return found == kLocal.end() ? nullptr : found->name;
}

absl::Status MayDigest(const belfry_described_file& file) {
  constexpr const char* kDoing = "computing a sha256";
  if (LocalFilesystem(file.fs_magic) == nullptr) {
    return kit::Error(absl::StatusCode::kFailedPrecondition, kDoing,
                      absl::StrCat("the file is not on a local filesystem (magic 0x", absl::Hex(file.fs_magic), ")"));
  }
  if (file.initial_userns != 1) {
    return kit::Error(absl::StatusCode::kFailedPrecondition, kDoing,
                      "the file's filesystem was mounted from within a user namespace");
  }
  return absl::OkStatus();
}

DigestCache::Key DigestCache::KeyOf(const belfry_described_file& file) {
  return {file.id.dev, file.id.ino, file.id.generation, file.id.ctime_ns, file.id.size};
}

std::optional<std::string> DigestCache::Find(const belfry_described_file& file) {
  const auto found = index_.find(KeyOf(file));
  if (found == index_.end() || !MayDigest(file).ok()) return std::nullopt;
  entries_.splice(entries_.begin(), entries_, found->second);
  return found->second->second;
}

bool DigestCache::Insert(const belfry_described_file& file, uint64_t began_ns, std::string sha256) {
  // A ctime in the future is as young as can be: the clock was set back, or the filesystem lies.
  const bool settled = began_ns >= file.id.ctime_ns && began_ns - file.id.ctime_ns >= kSettledAfterNs;
  if (!settled || capacity_ == 0 || !MayDigest(file).ok()) return false;
  const Key key = KeyOf(file);
  if (const auto found = index_.find(key); found != index_.end()) {
    entries_.erase(found->second);
    index_.erase(found);
  }
  while (entries_.size() >= capacity_) {
    index_.erase(entries_.back().first);
    entries_.pop_back();
  }
  entries_.emplace_front(key, std::move(sha256));
  index_[key] = entries_.begin();
  return true;
}

}  // namespace belfry::host
