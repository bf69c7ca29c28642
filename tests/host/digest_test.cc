#include "host/digest.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "host/digest_cache.h"
#include "kit/owned_fd.h"
#include "support/fake_kernel.h"
#include "support/temporary_folder.h"

namespace belfry::host {
namespace {

kit::OwnedFd Open(const std::string& path) { return kit::OwnedFd(open(path.c_str(), O_RDWR | O_CLOEXEC)); }

TEST(Sha256, IsTheKnownOne) {
  const support::TemporaryFolder folder;
  // FIPS 180-2, and `printf '' | sha256sum`
  EXPECT_EQ(Sha256(Open(folder.Write("abc", "abc")).get()).value(),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(Sha256(Open(folder.Write("empty", "")).get()).value(),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(Sha256(Open(folder.Write("million", std::string(1000000, 'a'))).get()).value(),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(Sha256, DoesNotMoveNorDependOnThePosition) {
  const support::TemporaryFolder folder;
  const kit::OwnedFd file = Open(folder.Write("abc", "abc"));
  ASSERT_EQ(lseek(file.get(), 2, SEEK_SET), 2);
  EXPECT_EQ(Sha256(file.get())->substr(0, 8), "ba7816bf");
  EXPECT_EQ(lseek(file.get(), 0, SEEK_CUR), 2);
}

TEST(Sha256, KeepsToItsLimitWithoutReading) {
  const support::TemporaryFolder folder;
  const kit::OwnedFd file = Open(folder.Write("abc", "abc"));
  bool read = false;
  const GoOn note = [&](uint64_t) { return read = true; };
  EXPECT_EQ(Sha256(file.get(), 2, note).status().code(), absl::StatusCode::kOutOfRange);
  EXPECT_FALSE(read);
  EXPECT_TRUE(Sha256(file.get(), 3).ok());
  EXPECT_TRUE(Sha256(file.get(), 0).ok());
}

TEST(Sha256, StopsBetweenChunksWhenToldTo) {
  const support::TemporaryFolder folder;
  const kit::OwnedFd file = Open(folder.Write("big", std::string((3 << 20) + 5, 'x')));
  std::vector<uint64_t> seen;
  EXPECT_TRUE(Sha256(file.get(), 0, [&](uint64_t bytes) { return seen.push_back(bytes), true; }).ok());
  EXPECT_EQ(seen, (std::vector<uint64_t>{1 << 20, 2 << 20, 3 << 20, (3 << 20) + 5}));
  int calls = 0;
  EXPECT_EQ(Sha256(file.get(), 0, [&](uint64_t) { return ++calls < 2; }).status().code(), absl::StatusCode::kCancelled);
  EXPECT_EQ(calls, 2);
}

TEST(Sha256, AFileThatChangesMeanwhileHasNone) {
  const support::TemporaryFolder folder;
  const kit::OwnedFd file = Open(folder.Write("big", std::string(3 << 20, 'x')));
  const auto grow = [&](uint64_t) { return pwrite(file.get(), "y", 1, 3 << 20) == 1; };
  EXPECT_EQ(Sha256(file.get(), 0, grow).status().code(), absl::StatusCode::kAborted);
}

TEST(Sha256, IsOfRegularFilesOnly) {
  EXPECT_EQ(Sha256(Open("/dev/zero").get()).status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_FALSE(Sha256(-1).ok());
}

// ---- the cache ----

constexpr uint64_t kNow = 1'000 * kSettledAfterNs;

belfry_described_file Described(uint64_t ino) {
  belfry_described_file file{};
  file.id = support::File(ino);
  file.id.ctime_ns = kNow - kSettledAfterNs;
  file.initial_userns = 1;
  file.fs_magic = 0xEF53;
  return file;
}

TEST(DigestCache, FindsByEveryPartOfTheKey) {
  DigestCache cache;
  ASSERT_TRUE(cache.Insert(Described(1), kNow, "digest"));
  EXPECT_EQ(cache.Find(Described(1)), "digest");
  for (auto change : std::vector<void (*)(belfry_described_file&)>{
           [](auto& f) { ++f.id.ino; }, [](auto& f) { ++f.id.dev; }, [](auto& f) { ++f.id.generation; },
           [](auto& f) { ++f.id.ctime_ns; }, [](auto& f) { ++f.id.size; }}) {
    belfry_described_file other = Described(1);
    change(other);
    EXPECT_EQ(cache.Find(other), std::nullopt);
  }
}

TEST(DigestCache, DoesNotRememberWhatMayStillChangeInTheSameTick) {
  DigestCache cache;
  belfry_described_file young = Described(1);
  young.id.ctime_ns += 1;
  EXPECT_FALSE(cache.Insert(young, kNow, "digest"));
  belfry_described_file future = Described(2);
  future.id.ctime_ns = kNow + 1;
  EXPECT_FALSE(cache.Insert(future, kNow, "digest"));
  EXPECT_EQ(cache.size(), 0u);
}

TEST(DigestCache, OnlyLocalFilesystemsOfTheInitialUserNamespace) {
  belfry_described_file file = Described(1);
  EXPECT_TRUE(MayDigest(file).ok());
  file.initial_userns = 0;
  EXPECT_EQ(MayDigest(file).code(), absl::StatusCode::kFailedPrecondition);
  // FUSE, NFS, 9p, CIFS, SMB2, Ceph, AFS, VirtualBox shared folders, nothing
  for (const uint64_t magic : {0x65735546ull, 0x6969ull, 0x01021997ull, 0xFF534D42ull, 0xFE534D42ull, 0x00C36400ull,
                               0x5346414Full, 0x786F4256ull, 0ull}) {
    file = Described(1);
    file.fs_magic = magic;
    EXPECT_FALSE(MayDigest(file).ok()) << std::hex << magic;
    DigestCache cache;
    EXPECT_FALSE(cache.Insert(file, kNow, "digest"));
  }
  for (const char* name : {"ext4", "xfs", "btrfs", "tmpfs", "overlay", "zfs", "f2fs", "squashfs", "erofs"}) {
    bool listed = false;
    for (const uint64_t magic : {0xEF53ull, 0x58465342ull, 0x9123683Eull, 0x01021994ull, 0x794C7630ull, 0x2FC12FC1ull,
                                 0xF2F52010ull, 0x73717368ull, 0xE0F5E1E2ull}) {
      listed = listed || LocalFilesystem(magic) == std::string(name);
    }
    EXPECT_TRUE(listed) << name;
  }
}

TEST(DigestCache, ForgetsTheLeastRecentlyUsed) {
  DigestCache cache(2);
  cache.Insert(Described(1), kNow, "one");
  cache.Insert(Described(2), kNow, "two");
  EXPECT_EQ(cache.Find(Described(1)), "one");
  cache.Insert(Described(3), kNow, "three");
  EXPECT_EQ(cache.Find(Described(2)), std::nullopt);
  EXPECT_EQ(cache.Find(Described(1)), "one");
  cache.Insert(Described(1), kNow, "again");
  EXPECT_EQ(cache.Find(Described(1)), "again");
  EXPECT_EQ(cache.size(), 2u);
}

}  // namespace
}  // namespace belfry::host
