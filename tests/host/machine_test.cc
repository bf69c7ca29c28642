#include "host/machine.h"

#include <gtest/gtest.h>

#include "support/temporary_folder.h"

namespace belfry::host {
namespace {

TEST(Cgroup2Root, IsTheHierarchysOwnRoot) {
  const auto mounts = ParseMountinfo(
      "30 20 0:26 / /sys/fs/cgroup ro - tmpfs tmpfs ro\n"
      "31 30 0:27 /system.slice/x /mnt/part rw - cgroup2 cgroup2 rw\n"
      "32 30 0:27 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n"
      "33 30 0:28 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n");
  EXPECT_EQ(Cgroup2Root(*mounts), "/sys/fs/cgroup/unified");
  EXPECT_EQ(Cgroup2Root({}), std::nullopt);
}

TEST(ParseLockdown, IsTheWordInBrackets) {
  EXPECT_EQ(ParseLockdown("none [integrity] confidentiality\n"), "integrity");
  EXPECT_EQ(ParseLockdown("[none] integrity confidentiality\n"), "none");
  EXPECT_EQ(ParseLockdown(""), std::nullopt);
  EXPECT_EQ(ParseLockdown("none integrity"), std::nullopt);
  EXPECT_EQ(ParseLockdown("[]"), std::nullopt);
}

TEST(OffSwitch, IsAWholeWordOfTheCommandLineOrAFile) {
  EXPECT_TRUE(CommandLineSaysOff("ro quiet belfry=off\n"));
  EXPECT_TRUE(CommandLineSaysOff("belfry=off"));
  EXPECT_FALSE(CommandLineSaysOff("notbelfry=off belfry=offset belfry=on"));
  EXPECT_FALSE(CommandLineSaysOff(""));
  const support::TemporaryFolder folder;
  EXPECT_EQ(DisarmedBy(folder / "disarm"), std::nullopt) << "unless this machine was booted with belfry=off";
  folder.Write("disarm", "");
  EXPECT_EQ(DisarmedBy(folder / "disarm"), folder / "disarm exists");
}

TEST(KernelRelease, IsSomeNumber) { EXPECT_NE(KernelRelease().find('.'), std::string::npos); }

}  // namespace
}  // namespace belfry::host
