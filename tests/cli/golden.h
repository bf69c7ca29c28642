// Compares text with a file of tests/golden; BELFRY_UPDATE_GOLDEN=1 writes the file instead (then read the diff).
#ifndef BELFRY_TESTS_CLI_GOLDEN_H_
#define BELFRY_TESTS_CLI_GOLDEN_H_

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>

namespace belfry::cli {

inline void ExpectGolden(const std::string& name, const std::string& text) {
  const std::string path = std::string(BELFRY_SOURCE_DIR "/tests/golden/") + name;
  if (getenv("BELFRY_UPDATE_GOLDEN") != nullptr) {
    std::ofstream(path) << text;
    return;
  }
  std::ifstream file(path);
  ASSERT_TRUE(file) << path << " is missing; BELFRY_UPDATE_GOLDEN=1 writes it";
  std::ostringstream expected;
  expected << file.rdbuf();
  EXPECT_EQ(text, expected.str()) << "in " << name << "; if the change is wanted, run with BELFRY_UPDATE_GOLDEN=1";
}

}  // namespace belfry::cli

#endif  // BELFRY_TESTS_CLI_GOLDEN_H_
