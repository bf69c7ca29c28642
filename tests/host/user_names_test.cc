#include "host/user_names.h"

#include <gtest/gtest.h>

#include "support/temporary_folder.h"

namespace belfry::host {
namespace {

TEST(ParsePasswd, FollowsGo) {
  const NamesById names = ParsePasswd(
      "# comment:x:1:1::/:/\n"
      "   # another:x:2:2::/:/\n"
      "\n"
      "root:x:0:0:root:/root:/bin/bash\n"
      "second:x:0:0::/:/\n"              // the first line wins
      "  spaced:x:3:3::/:/bin/sh  \r\n"  // space around the line is none of it
      "short:x:4:4::/\n"                 // six colons are needed
      ":x:5:5::/:/\n"                    // no name
      "+nis:x:6:6::/:/\n"
      "-nis:x:7:7::/:/\n"
      "badgid:x:8:eight::/:/\n"
      "nogid:x:9:::/:/\n"
      "octal:x:010:1::/:/\n"  // not how 8 or 10 is spelled
      "plus:x:+11:1::/:/\n"
      "negative:x:-12:1::/:/\n"
      "space:x: 13:1::/:/\n"
      "bigid:x:4294967296:1::/:/\n"
      "last:x:4294967295:1::/:/\n"
      "signedgid:x:14:-1::/:/\n"  // Atoi takes it
      "many:x:15:15:a:b:c:d:e\n"
      "noend:x:16:16::/:/");
  EXPECT_EQ(names.at(0), "root");
  EXPECT_EQ(names.at(3), "spaced");
  EXPECT_EQ(names.at(4294967295), "last");
  EXPECT_EQ(names.at(14), "signedgid");
  EXPECT_EQ(names.at(15), "many");
  EXPECT_EQ(names.at(16), "noend");
  EXPECT_EQ(names.size(), 6u);
}

TEST(ParsePasswd, ABrokenLineDoesNotHideALaterOneOfTheSameNumber) {
  EXPECT_EQ(ParsePasswd("a:x:5:x::/:/\nb:x:5:5::/:/\n").at(5), "b");
}

TEST(ParseGroup, FollowsGo) {
  const NamesById names = ParseGroup(
      "root:x:0:\n"
      "#no:x:1:\n"
      "three:x:3\n"  // three colons are needed
      "wheel:*:4:root,alice\n"
      "+:::\n"
      "+nis:x:5:\n"
      "later:x:4:\n"
      "colons:x:6:a:b\n");
  EXPECT_EQ(names.at(0), "root");
  EXPECT_EQ(names.at(4), "wheel");
  EXPECT_EQ(names.at(6), "colons");
  EXPECT_EQ(names.size(), 3u);
}

TEST(UserNames, ReadsAgainWhenTheFileChanged) {
  const support::TemporaryFolder root;
  UserNames names(root.path());
  EXPECT_EQ(names.User(5), std::nullopt);
  root.Write("etc/passwd", "alice:x:5:5::/:/\n");
  root.Write("etc/group", "users:x:5:\n");
  EXPECT_EQ(names.User(5), "alice");
  EXPECT_EQ(names.Group(5), "users");
  EXPECT_EQ(names.Group(6), std::nullopt);
  root.Write("etc/new", "bobby:x:5:5::/:/\n");  // as useradd(8) does: a new file of the same size, renamed over
  std::filesystem::rename(root / "etc/new", root / "etc/passwd");
  EXPECT_EQ(names.User(5), "bobby");
  std::filesystem::remove(root / "etc/passwd");
  EXPECT_EQ(names.User(5), std::nullopt);
}

TEST(UserNames, AHugeFileHasNoNames) {
  const support::TemporaryFolder root;
  const std::string path = root.Write("etc/passwd", "alice:x:5:5::/:/\n");
  std::filesystem::resize_file(path, (16 << 20) + 1);
  UserNames names(root.path());
  EXPECT_EQ(names.User(5), std::nullopt);
}

TEST(UserNames, KnowsRootOfThisMachine) { EXPECT_EQ(UserNames().User(0), "root"); }

}  // namespace
}  // namespace belfry::host
