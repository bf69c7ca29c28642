#include "kit/escape.h"

#include <gtest/gtest.h>

#include <random>
#include <string>

namespace belfry::kit {
namespace {

struct Case {
  const char* what;
  std::string bytes;
  std::string shown;
};

TEST(Escape, ShowsWhatIsSafeAndNamesTheRest) {
  const std::string nul("a\0b", 3);
  const Case cases[] = {
      {"plain", "/usr/bin/x y", "/usr/bin/x y"},
      {"newline cannot make a second line", "a\nb", "a\\x0ab"},
      {"NUL", nul, "a\\x00b"},
      {"escape sequence", "\x1b[2J", "\\x1b[2J"},
      {"DEL", "\x7f", "\\x7f"},
      {"a backslash cannot fake an escape", "\\x41", "\\x5cx41"},
      {"valid UTF-8 stays", "caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x94\x94", "caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x94\x94"},
      {"lone continuation", "\x80", "\\x80"},
      {"cut sequence", "\xe2\x82", "\\xe2\\x82"},
      {"overlong slash", "\xc0\xaf", "\\xc0\\xaf"},
      {"overlong in three", "\xe0\x80\xaf", "\\xe0\\x80\\xaf"},
      {"surrogate", "\xed\xa0\x80", "\\xed\\xa0\\x80"},
      {"beyond Unicode", "\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80"},
      {"bytes that never occur", "\xfe\xff", "\\xfe\\xff"},
      {"C1 control as UTF-8 (CSI)", "\xc2\x9b", "\\xc2\\x9b"},
      {"right-to-left override", "\xe2\x80\xae", "\\xe2\\x80\\xae"},
      {"isolate", "\xe2\x81\xa6", "\\xe2\\x81\\xa6"},
      {"zero width space", "\xe2\x80\x8b", "\\xe2\\x80\\x8b"},
      {"line separator", "\xe2\x80\xa8", "\\xe2\\x80\\xa8"},
      {"byte order mark", "\xef\xbb\xbf", "\\xef\\xbb\\xbf"},
      {"good byte after a bad one", "\xc3(", "\\xc3("},
      {"empty", "", ""},
  };
  for (const Case& c : cases) EXPECT_EQ(Escape(c.bytes), c.shown) << c.what;
}

TEST(Escape, CutsAtTheLimitAndSaysSo) {
  EXPECT_EQ(Escape("abcdef", 6), "abcdef");
  EXPECT_EQ(Escape("abcdefg", 6), "abc...");
  EXPECT_EQ(Escape("ab\n\n", 6), "ab...");  // an escape is never cut in half
  EXPECT_EQ(Escape("ab\xe2\x82\xac"
                   "cde",
                   6),
            "ab...");  // nor a character
  EXPECT_EQ(Escape("\n", 4), "\\x0a");
  EXPECT_EQ(Escape("\n\n", 4), "...");
  EXPECT_EQ(Escape("abc", 2), "..");
  EXPECT_EQ(Escape("abc", 0), "");
}

// Whatever the bytes and the limit: never longer, always valid UTF-8, never a control byte.
TEST(Escape, HoldsItsPromisesOnRandomBytes) {
  std::mt19937 random(1);
  for (int round = 0; round < 20000; ++round) {
    std::string bytes(random() % 24, '\0');
    for (char& c : bytes) c = static_cast<char>(random() % 3 == 0 ? 0xE2 : random() % 256);
    const size_t limit = random() % 40;
    const std::string shown = Escape(bytes, limit);
    ASSERT_LE(shown.size(), limit);
    ASSERT_TRUE(IsValidUtf8(shown));
    for (const unsigned char c : shown) ASSERT_TRUE(c >= 0x20 && c != 0x7F);
  }
}

TEST(IsValidUtf8, FollowsUnicode) {
  EXPECT_TRUE(IsValidUtf8(""));
  EXPECT_TRUE(IsValidUtf8("\xf4\x8f\xbf\xbf"));
  EXPECT_TRUE(IsValidUtf8("\x1b"));  // valid is not the same as safe
  EXPECT_FALSE(IsValidUtf8("ok\xff"));
  EXPECT_FALSE(IsValidUtf8("\xe2\x82"));
}

}  // namespace
}  // namespace belfry::kit
