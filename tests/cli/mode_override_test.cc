#include "cli/mode_override.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "kit/read_file.h"
#include "support/temporary_folder.h"

namespace belfry::cli {
namespace {

TEST(ModeOverride, KeepsWhatWasSaidOfOthers) {
  const support::TemporaryFolder folder;
  ASSERT_TRUE(WriteModeOverride(folder / "run", "a", "deny").ok());
  const auto path = WriteModeOverride(folder / "run", "b", "warn");
  ASSERT_TRUE(path.ok()) << path.status();
  EXPECT_EQ(kit::ReadFile(*path, 4096).value(),
            "{\n \"schema\": 1,\n \"guards\": {\n  \"a\": \"deny\",\n  \"b\": \"warn\"\n }\n}\n");
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder / "run"), {}), 1);  // no file left half-way
}

TEST(ModeOverride, AllReplacesEverythingEvenABrokenFile) {
  EXPECT_EQ(NextOverride("nonsense", "*", "observe").value(),
            "{\n \"schema\": 1,\n \"guards\": {\n  \"*\": \"observe\"\n }\n}\n");
  for (const char* broken :
       {"nonsense", "[]", "{\"schema\":2,\"guards\":{}}", "{\"schema\":1,\"guards\":[]}", "{\"schema\":\"x\"}"}) {
    EXPECT_EQ(NextOverride(broken, "a", "deny").status().code(), absl::StatusCode::kDataLoss) << broken;
  }
}

TEST(ModeOverride, GuardNamesAreText) {
  EXPECT_EQ(NextOverride("", "a\"b", "deny").value(),
            "{\n \"schema\": 1,\n \"guards\": {\n  \"a\\\"b\": \"deny\"\n }\n}\n");
}

}  // namespace
}  // namespace belfry::cli
