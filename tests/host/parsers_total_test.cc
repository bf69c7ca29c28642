// Parsers of the host room survive whatever bytes they get. What they say of good ones stands in their own tests.
#include <gtest/gtest.h>

#include <random>
#include <string>

#include "host/machine.h"
#include "host/mounts.h"
#include "host/process_files.h"
#include "host/user_names.h"

namespace belfry::host {
namespace {

// Pieces of good text, so that the bytes get past the first check.
constexpr const char* kPieces[] = {
    "Uid:\t1\t1\t1\t1\n", "Gid:\t", "Groups:\t", "NSpid:",           "1 2 ", ":", "-",   " - ", "\n",
    "36 35 1:2 / /a rw",  "\\04",   "\\040",     "root:x:0:0:::/\n", "+",    ")", " S ", "[",   "]",
    "belfry=off",         "#"};

TEST(Parsers, SurviveAnyBytes) {
  std::mt19937 random(11);
  for (int round = 0; round < 30000; ++round) {
    std::string text;
    for (int pieces = random() % 12; pieces > 0; --pieces) {
      if (random() % 4 == 0) {
        text.push_back(static_cast<char>(random()));
      } else {
        text += kPieces[random() % std::size(kPieces)];
      }
    }
    const auto status = ParseProcessStatus(text);
    ASSERT_TRUE(status.ok() || !status.status().message().empty());
    const auto mounts = ParseMountinfo(text);
    ASSERT_TRUE(!mounts.ok() || mounts->size() <= text.size());
    ASSERT_LE(ParsePasswd(text).size(), text.size());
    ASSERT_LE(ParseGroup(text).size(), text.size());
    (void)ParseStartTicks(text);
    (void)ParseLockdown(text);
    (void)CommandLineSaysOff(text);
  }
}

}  // namespace
}  // namespace belfry::host
