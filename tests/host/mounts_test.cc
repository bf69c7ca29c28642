#include "host/mounts.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <functional>

#include "support/temporary_folder.h"

namespace belfry::host {
namespace {

namespace fs = std::filesystem;

TEST(ParseMountinfo, ReadsWhatTheKernelWrites) {
  const auto mounts = ParseMountinfo(
      "36 35 254:3 /mnt1 /mnt2 rw,noatime master:1 propagate_from:2 - ext3 /dev/root rw,errors=continue\n"
      "40 36 0:28 / /a\\040b\\011c\\012d\\134e rw - cgroup2 cgroup2 rw\n"
      "41 36 0:4 net:[4026531840] /run/netns/x rw shared:9 - nsfs nsfs rw\n");
  ASSERT_TRUE(mounts.ok()) << mounts.status();
  ASSERT_EQ(mounts->size(), 3u);
  EXPECT_EQ((*mounts)[0].id, 36);
  EXPECT_EQ((*mounts)[0].parent, 35);
  EXPECT_EQ((*mounts)[0].dev, 254u << 20 | 3u);
  EXPECT_EQ((*mounts)[0].root, "/mnt1");
  EXPECT_EQ((*mounts)[0].mount_point, "/mnt2");
  EXPECT_EQ((*mounts)[0].type, "ext3");
  EXPECT_EQ((*mounts)[1].mount_point, "/a b\tc\nd\\e");
  EXPECT_EQ((*mounts)[2].root, "net:[4026531840]");
}

TEST(ParseMountinfo, RefusesWhatIsNotWhole) {
  for (const char* bad : {"x", "36 35 254:3 /a /b rw", "36 35 254 /a /b rw - ext4 x rw", "a 35 1:1 / / rw - ext4 x rw",
                          "36 35 1:1 / / rw -", "36 35 1:1 / / rw master:1"}) {
    EXPECT_EQ(ParseMountinfo(bad).status().code(), absl::StatusCode::kInvalidArgument) << bad;
  }
}

TEST(ParseMountinfo, ReadsThisMachine) {
  const auto mounts = ReadMounts();
  ASSERT_TRUE(mounts.ok()) << mounts.status();
  EXPECT_FALSE(mounts->empty());
}

class PlaceOfTest : public testing::Test {
 protected:
  PlaceOfTest() : root_(fs::canonical(folder_.path()).string()) { fs::create_directories(root_ + "/agent/public"); }
  // By the same filesystem, what is `path` in it? Known for the folder itself, so that the test does not repeat the
  // code.
  std::string Inside(const std::string& path) { return PlaceOf(root_ + "/x")->inside + path; }
  void Expect(const std::string& path, const std::string& inside, const std::string& missing, const std::string& leaf) {
    const auto place = PlaceOf(path);
    ASSERT_TRUE(place.ok()) << path << " " << place.status();
    EXPECT_EQ(place->inside, Inside(inside)) << path;
    EXPECT_EQ(place->missing, missing) << path;
    EXPECT_EQ(place->leaf, leaf) << path;
    EXPECT_EQ(place->NameInside(), Inside(inside) + missing + "/" + leaf) << path;
  }

  const support::TemporaryFolder folder_;
  const std::string root_;
};

TEST_F(PlaceOfTest, FollowsWhatIsThere) {
  Expect(root_ + "/agent/public/api.sock", "/agent/public", "", "api.sock");
  Expect(root_ + "//agent/./public/../public//api.sock", "/agent/public", "", "api.sock");
  fs::create_directory_symlink(root_ + "/agent/public", root_ + "/link");
  fs::create_directory_symlink("agent", root_ + "/relative");
  Expect(root_ + "/link/api.sock", "/agent/public", "", "api.sock");
  Expect(root_ + "/relative/public/api.sock", "/agent/public", "", "api.sock");
  const NamePlace place = *PlaceOf(root_ + "/link/api.sock");
  struct stat directory {
  }, expected{};
  ASSERT_EQ(fstat(place.directory.get(), &directory), 0);
  ASSERT_EQ(stat((root_ + "/agent/public").c_str(), &expected), 0);
  EXPECT_EQ(directory.st_ino, expected.st_ino);
}

TEST_F(PlaceOfTest, TheLeafIsNotFollowed) {
  fs::create_symlink("/nowhere", root_ + "/agent/api.sock");
  Expect(root_ + "/agent/api.sock", "/agent", "", "api.sock");
}

TEST_F(PlaceOfTest, NamesWhatIsNotThereYet) {
  Expect(root_ + "/spire/agent/public/api.sock", "", "/spire/agent/public", "api.sock");
  Expect(root_ + "/agent/new/./api.sock", "/agent", "/new", "api.sock");
  fs::create_directory_symlink(root_ + "/agent/later", root_ + "/dangling");
  fs::create_directory_symlink("dangling/deeper", root_ + "/chain");
  Expect(root_ + "/dangling/api.sock", "/agent", "/later", "api.sock");
  Expect(root_ + "/dangling/more/api.sock", "/agent", "/later/more", "api.sock");
  Expect(root_ + "/chain/api.sock", "/agent", "/later/deeper", "api.sock");
  fs::create_directories(root_ + "/agent/later");  // and it is the same place once it is there
  Expect(root_ + "/dangling/api.sock", "/agent/later", "", "api.sock");
}

TEST_F(PlaceOfTest, TheRootOfAFilesystemIsSpelledOnce) {
  const auto place = PlaceOf("/api.sock");
  ASSERT_TRUE(place.ok()) << place.status();
  EXPECT_EQ(place->NameInside().substr(0, 2), place->inside == "/" ? "/a" : place->inside.substr(0, 2));
}

TEST_F(PlaceOfTest, EachMistakeHasItsOwnAnswer) {
  folder_.Write("file", "");
  fs::create_directory_symlink(root_ + "/loop", root_ + "/loop");
  const std::pair<std::string, absl::StatusCode> cases[] = {
      {"api.sock", absl::StatusCode::kInvalidArgument},
      {"", absl::StatusCode::kInvalidArgument},
      {"/", absl::StatusCode::kInvalidArgument},
      {root_ + "/agent/..", absl::StatusCode::kInvalidArgument},
      {root_ + "/new/../api.sock", absl::StatusCode::kInvalidArgument},
      {root_ + "/file/api.sock", absl::StatusCode::kFailedPrecondition},
      {root_ + "/file/new/api.sock", absl::StatusCode::kFailedPrecondition},
  };
  for (const auto& [path, code] : cases) EXPECT_EQ(PlaceOf(path).status().code(), code) << path;
  EXPECT_FALSE(PlaceOf(root_ + "/loop/api.sock").ok());
  EXPECT_NE(PlaceOf("/bad\npath/../x/../../y").status().message().find("\\x0a"), std::string::npos);
}

// Runs `check` in a child with a mount namespace of its own; its exit code is the answer, 77 that it may not.
int InMountNamespace(const std::function<int()>& check) {
  const pid_t child = fork();
  if (child == 0) {
    if (unshare(CLONE_NEWNS) != 0 || mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) _exit(77);
    _exit(check());
  }
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST_F(PlaceOfTest, ABindMountIsTheSamePlaceAndMountsAreWatched) {
  fs::create_directories(root_ + "/other name");
  const std::string direct = PlaceOf(root_ + "/agent/public/api.sock")->NameInside();
  const int code = InMountNamespace([&] {
    auto watch = MountWatch::Open();
    if (!watch.ok() || watch->Changed()) return 2;
    const std::string at = root_ + "/other name";
    if (mount((root_ + "/agent").c_str(), at.c_str(), nullptr, MS_BIND, nullptr) != 0) return 77;
    if (!watch->Changed() || watch->Changed()) return 3;  // told once
    const auto place = PlaceOf(at + "/public/api.sock");
    if (!place.ok() || place->NameInside() != direct) return 4;
    // A new filesystem on top: another device, and its root is where the name starts.
    if (mount("none", at.c_str(), "tmpfs", 0, nullptr) != 0) return 77;
    const auto fresh = PlaceOf(at + "/public/api.sock");
    if (!fresh.ok() || fresh->inside != "/" || fresh->NameInside() != "/public/api.sock") return 5;
    struct stat root {};
    if (stat(at.c_str(), &root) != 0 || fresh->dev != (major(root.st_dev) << 20 | minor(root.st_dev))) return 6;
    return fresh->dev == place->dev ? 7 : 0;
  });
  if (code == 77) GTEST_SKIP() << "no permission to make a mount namespace (CAP_SYS_ADMIN is missing)";
  EXPECT_EQ(code, 0);
}

}  // namespace
}  // namespace belfry::host
