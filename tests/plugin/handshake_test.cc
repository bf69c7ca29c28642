#include "plugin/handshake.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <map>

#include "plugin/stale_doors.h"

namespace belfry::plugin {
namespace {

Environment Of(std::map<std::string, std::string> variables) {
  return [variables](const char* name) -> const char* {
    const auto found = variables.find(name);
    return found == variables.end() ? nullptr : found->second.c_str();
  };
}

TEST(Handshake, IsTheLineThatGoPluginReads) {
  EXPECT_EQ(HandshakeLine("/tmp/p/s", false), "1|1|unix|/tmp/p/s|grpc|\n");
  EXPECT_EQ(HandshakeLine("/tmp/p/s", true), "1|1|unix|/tmp/p/s|grpc||false\n");
}

TEST(Handshake, KnowsSpireByItsCookie) {
  EXPECT_FALSE(ReadHost(Of({}))->started_us);
  EXPECT_FALSE(ReadHost(Of({{"WorkloadAttestor", "else"}}))->started_us);
  const auto host = ReadHost(Of({{"WorkloadAttestor", "WorkloadAttestor"}, {"PLUGIN_PROTOCOL_VERSIONS", "2,1"}}));
  ASSERT_TRUE(host.ok()) << host.status();
  EXPECT_TRUE(host->started_us);
  EXPECT_EQ(host->socket_dir, "/tmp");
  EXPECT_FALSE(host->wants_multiplex_answer);
}

TEST(Handshake, RefusesWhatItDoesNotSpeak) {
  EXPECT_FALSE(ReadHost(Of({{"WorkloadAttestor", "WorkloadAttestor"}, {"PLUGIN_PROTOCOL_VERSIONS", "2"}})).ok());
  EXPECT_FALSE(ReadHost(Of({{"WorkloadAttestor", "WorkloadAttestor"}, {"PLUGIN_CLIENT_CERT", "x"}})).ok());
}

TEST(Handshake, OpensAPrivateDoorAndRemovesIt) {
  std::string folder = std::filesystem::temp_directory_path() / "belfry-door-XXXXXX";
  ASSERT_NE(mkdtemp(folder.data()), nullptr);
  const auto host = ReadHost(Of({{"WorkloadAttestor", "WorkloadAttestor"}, {"TMPDIR", folder}}));
  auto door = OpenDoor(*host);
  ASSERT_TRUE(door.ok()) << door.status();
  struct stat at {};
  ASSERT_EQ(stat(door->path.c_str(), &at), 0);
  EXPECT_EQ(at.st_mode & 07777, 0600u);
  ASSERT_EQ(stat(door->folder.c_str(), &at), 0);
  EXPECT_EQ(at.st_mode & 07777, 0700u);
  door->Remove();
  EXPECT_TRUE(std::filesystem::is_empty(folder));
  std::filesystem::remove(folder);
  EXPECT_FALSE(OpenDoor(Host{.socket_dir = folder}).ok());
  EXPECT_FALSE(OpenDoor(Host{.socket_dir = "/" + std::string(200, 'x')}).ok());
}

TEST(StaleDoors, OnlyThoseThatNobodyListensOnAreRemoved) {
  std::string folder = std::filesystem::temp_directory_path() / "belfry-door-XXXXXX";
  ASSERT_NE(mkdtemp(folder.data()), nullptr);
  const Host host{.socket_dir = folder};
  auto dead = OpenDoor(host);
  auto live = OpenDoor(host);
  ASSERT_TRUE(dead.ok() && live.ok());
  dead->listener.Reset();
  const std::string other = folder + "/other";
  ASSERT_TRUE(std::filesystem::create_directory(other));
  RemoveStaleDoors(folder, std::chrono::minutes(5));
  EXPECT_TRUE(std::filesystem::exists(dead->path)) << "too young";
  RemoveStaleDoors(folder, std::chrono::seconds(0));
  EXPECT_FALSE(std::filesystem::exists(dead->folder));
  EXPECT_TRUE(std::filesystem::exists(live->path));
  EXPECT_TRUE(std::filesystem::exists(other));
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace belfry::plugin
