// plugin_data's text, cut into tokens: HCL 1 as hashicorp/hcl v1 reads it, or JSON.
//
// Positions count from 1; columns are code points. Errors carry line and column. Not thread-safe; the text must outlive
// the scanner. Source: spire-facts 4.1 and the behaviour of hashicorp/hcl v1 (compared in tests/spire).
#ifndef BELFRY_PLUGIN_HCL_SCANNER_H_
#define BELFRY_PLUGIN_HCL_SCANNER_H_

#include <cstddef>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace belfry::plugin {

struct Position {
  int line = 1;
  int column = 1;
};

// "reading plugin_data: line L, column C: cause; remedy", InvalidArgument.
absl::Status HclError(Position at, absl::string_view cause, absl::string_view remedy = {});

enum class HclForm { kHcl, kJson };

// Which form hashicorp/hcl takes the text for: JSON if its first character that is no space is '{'.
HclForm FormOf(std::string_view text);

struct HclToken {
  enum Kind { kEnd, kIdent, kBool, kNull, kNumber, kFloat, kString, kHeredoc, kPunctuation };
  Kind kind = kEnd;
  Position at;
  std::string text;  // a string's value, anything else as written
};

class HclScanner {
 public:
  HclScanner(std::string_view text, HclForm form) : text_(text), form_(form) {}

  // The next token that is no comment; kEnd for ever once the text is read.
  absl::StatusOr<HclToken> Next();

 private:
  char Peek(size_t ahead = 0) const;  // NUL at the end
  void Advance();                     // over one code point
  absl::Status SkipBlank();
  absl::Status SkipBlockComment();
  absl::StatusOr<HclToken> Identifier();
  absl::StatusOr<HclToken> Number();
  absl::Status Leading0(bool& hexadecimal);
  absl::StatusOr<HclToken> String();
  absl::Status Escape(std::string& value);
  absl::Status Interpolation(std::string& value);
  absl::StatusOr<HclToken> Heredoc();
  HclToken Token(HclToken::Kind kind, size_t begin, Position at) const;

  std::string_view text_;
  HclForm form_;
  size_t offset_ = 0;
  Position at_;
};

}  // namespace belfry::plugin

#endif  // BELFRY_PLUGIN_HCL_SCANNER_H_
