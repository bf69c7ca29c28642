#include "kit/read_file.h"

#include <gtest/gtest.h>

#include "kit/error.h"
#include "support/temporary_folder.h"

namespace belfry::kit {
namespace {

TEST(ReadFile, ReadsUpToItsLimitAndNotOneByteMore) {
  const support::TemporaryFolder folder;
  const std::string path = folder.Write("file", std::string(100000, 'x'));
  EXPECT_EQ(ReadFile(path, 100000).value().size(), 100000u);
  EXPECT_EQ(ReadFile(path, 99999).status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(ReadFile(folder.Write("empty", ""), 0).value(), "");
}

TEST(ReadFile, NamesWhatItWasDoing) {
  const absl::Status status = ReadFile("/no/such/\nfile", 10).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(status.message(), "opening /no/such/\\x0afile: No such file or directory");
}

TEST(Error, IsWordedDoingCauseRemedy) {
  EXPECT_EQ(Error(absl::StatusCode::kInternal, "a", "b", "c").message(), "a: b; c");
  EXPECT_EQ(Error(absl::StatusCode::kInternal, "a", "b").message(), "a: b");
}

}  // namespace
}  // namespace belfry::kit
