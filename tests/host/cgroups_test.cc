// Units, containers and pods by the names of cgroups, and what a user can make up.
#include "host/cgroups.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "host/machine.h"
#include "host/mounts.h"

namespace belfry::host {
namespace {

const std::string kId(64, 'c');

TEST(HomeOf, NamesTheSystemsUnit) {
  EXPECT_EQ(HomeOf("/system.slice/ssh.service").unit, "ssh.service");
  EXPECT_EQ(HomeOf("/system.slice/system-getty.slice/getty@tty1.service").unit, "getty@tty1.service");
  EXPECT_EQ(HomeOf("/user.slice/user-1000.slice/session-3.scope").unit, "session-3.scope");
  EXPECT_EQ(HomeOf("/init.scope").unit, "init.scope");
  EXPECT_EQ(HomeOf("/system.slice/a.service/worker.service").unit, "a.service");
  EXPECT_EQ(HomeOf("/").unit, "");
  EXPECT_EQ(HomeOf("").unit, "");
}

TEST(HomeOf, NamesContainersAndPods) {
  EXPECT_EQ(HomeOf("/system.slice/docker-" + kId + ".scope").container, kId);
  EXPECT_EQ(HomeOf("/docker/" + kId).container, kId);
  EXPECT_EQ(HomeOf("/machine.slice/libpod-" + kId + ".scope/container").container, kId);
  EXPECT_EQ(HomeOf("/machine.slice/libpod-conmon-" + kId + ".scope").container, "") << "conmon is not in it";
  const std::string pod = "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod0123abcd_0123_0123_0123_0123456789ab.slice";
  const Home home = HomeOf(pod + "/cri-containerd-" + kId + ".scope");
  EXPECT_EQ(home.container, kId);
  EXPECT_EQ(home.pod, "0123abcd-0123-0123-0123-0123456789ab");
  EXPECT_EQ(HomeOf("/kubepods/besteffort/pod0123abcd-0123-0123-0123-0123456789ab/" + kId).pod, home.pod);
}

TEST(HomeOf, TheOutermostContainerIsTheHosts) {
  EXPECT_EQ(HomeOf("/docker/" + kId + "/docker/" + std::string(64, 'd')).container, kId);
}

TEST(HomeOf, WhatAUserMadeIsNoContainer) {
  const Home home = HomeOf("/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-" + kId + ".scope");
  EXPECT_EQ(home.unit, "user@1000.service");
  EXPECT_EQ(home.container, "");
  EXPECT_EQ(HomeOf("/system.slice/docker-" + std::string(63, 'c') + "g.scope").container, "");
  EXPECT_EQ(HomeOf("/system.slice/evil-" + kId + ".scope").container, "");
}

TEST(HomeOf, SaysHowDeepEachNameStands) {
  const Home home = HomeOf("/kubepods.slice/kubepods-pod0123abcd_0123_0123_0123_0123456789ab.slice/cri-containerd-" + kId + ".scope/x");
  EXPECT_EQ(home.pod_depth, 2u);
  EXPECT_EQ(home.container_depth, 3u);
  EXPECT_EQ(home.unit_depth, 3u);
  EXPECT_EQ(HomeOf("/x").unit_depth, 0u);
}

TEST(Cgroups, ANumberIsAPath) {
  const auto mounts = ReadMounts();
  const auto root = mounts.ok() ? Cgroup2Root(*mounts) : std::nullopt;
  if (!root || geteuid() != 0) GTEST_SKIP() << "missing: root, cgroup v2";
  const std::string made = *root + "/belfry-test-" + std::to_string(getpid()) + ".service";
  if (mkdir(made.c_str(), 0755) != 0) GTEST_SKIP() << "missing: a cgroup v2 that may be written to";
  struct stat at {};
  stat(made.c_str(), &at);
  Cgroups cgroups;
  const auto home = cgroups.Find(at.st_ino);
  EXPECT_EQ(home->cgroup, made.substr(root->size()));
  EXPECT_EQ(home->unit, std::filesystem::path(made).filename());
  EXPECT_EQ(home->unit_depth, home->anchored) << "root's down to its name";
  ASSERT_EQ(chown(made.c_str(), 65534, 65534), 0);
  EXPECT_LT(Cgroups().Find(at.st_ino)->anchored, home->unit_depth) << "its owner makes what stands below";
  ASSERT_EQ(chown(made.c_str(), 0, 0), 0);
  ASSERT_EQ(chmod(made.c_str(), 0775), 0);
  EXPECT_LT(Cgroups().Find(at.st_ino)->anchored, home->unit_depth) << "a group may make what stands below";
  rmdir(made.c_str());
  EXPECT_EQ(cgroups.Find(at.st_ino), home) << "remembered";
  EXPECT_EQ(Cgroups().Find(at.st_ino)->cgroup, "") << "gone";
  EXPECT_EQ(Cgroups().Find(0x7fffffffffff)->cgroup, "");
}

}  // namespace
}  // namespace belfry::host
