// The source tree as the rules see it: relative path to text, so that a test can plant a violation in one of its own.
// Not thread-safe. Generated and recorded files (pinned vmlinux.h, go.sum, streams) are left out.
#ifndef BELFRY_TESTS_HOUSE_TREE_H_
#define BELFRY_TESTS_HOUSE_TREE_H_

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace belfry::house {

struct Tree {
  std::map<std::string, std::string> files;  // "userspace/kit/error.h" -> text
  std::vector<std::string> folders;          // "userspace/kit", also empty ones' parents; sorted
};

Tree ReadTree(const std::string& root);

// "userspace/kit/error.h" -> "kit"; empty outside userspace/.
std::string RoomOf(std::string_view path);

bool HasSuffix(std::string_view text, std::string_view suffix);
bool HasPrefix(std::string_view text, std::string_view prefix);
bool IsCpp(std::string_view path);  // .h, .cc and .c
std::vector<std::string> Lines(std::string_view text);
int CountLines(std::string_view text);

// C and C++ text with comments blanked and string literals collected apart; line structure is kept.
struct Code {
  std::string text;                   // comments and literals' contents are spaces
  std::vector<std::string> literals;  // contents of string literals as written, escapes included
};
Code SplitCode(std::string_view text);

}  // namespace belfry::house

#endif  // BELFRY_TESTS_HOUSE_TREE_H_
