#include "plugin/hcl_scanner.h"

#include <cstdint>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "kit/error.h"
#include "kit/escape.h"

namespace belfry::plugin {
namespace {

bool IsLetter(char c) { return absl::ascii_isalpha(c) || c == '_' || static_cast<uint8_t>(c) >= 0x80; }
bool IsDigit(char c) { return absl::ascii_isdigit(c); }
bool IsBlank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

int DigitValue(char c) {
  if (IsDigit(c)) return c - '0';
  if (absl::ascii_isxdigit(c)) return absl::ascii_tolower(c) - 'a' + 10;
  return 16;
}

void AppendUtf8(uint32_t code_point, std::string& out) {
  if (code_point < 0x80) {
    out.push_back(static_cast<char>(code_point));
    return;
  }
  const int more = code_point < 0x800 ? 1 : code_point < 0x10000 ? 2 : 3;
  static constexpr uint8_t kLead[] = {0, 0xC0, 0xE0, 0xF0};
  out.push_back(static_cast<char>(kLead[more] | (code_point >> (6 * more))));
  for (int i = more - 1; i >= 0; --i) out.push_back(static_cast<char>(0x80 | ((code_point >> (6 * i)) & 0x3F)));
}

// Is this line of a heredoc its end: blanks, the anchor, carriage returns?
bool IsAnchor(absl::string_view line, absl::string_view anchor) {
  line = absl::StripLeadingAsciiWhitespace(line);
  while (!line.empty() && line.back() == '\r') line.remove_suffix(1);
  return line == anchor;
}

}  // namespace

absl::Status HclError(Position at, absl::string_view cause, absl::string_view remedy) {
  return kit::Error(absl::StatusCode::kInvalidArgument,
                    absl::StrCat("reading plugin_data: line ", at.line, ", column ", at.column), cause, remedy);
}

HclForm FormOf(std::string_view text) {
  for (const char c : text) {
    if (!absl::ascii_isspace(c)) return c == '{' ? HclForm::kJson : HclForm::kHcl;
  }
  return HclForm::kHcl;
}

char HclScanner::Peek(size_t ahead) const { return offset_ + ahead < text_.size() ? text_[offset_ + ahead] : '\0'; }

void HclScanner::Advance() {
  if (offset_ >= text_.size()) return;
  if (text_[offset_] == '\n') {
    ++at_.line;
    at_.column = 0;
  }
  do {
    ++offset_;
  } while (offset_ < text_.size() && (static_cast<uint8_t>(text_[offset_]) & 0xC0) == 0x80);
  ++at_.column;
}

HclToken HclScanner::Token(HclToken::Kind kind, size_t begin, Position at) const {
  return {kind, at, std::string(text_.substr(begin, offset_ - begin))};
}

absl::Status HclScanner::SkipBlockComment() {
  const Position begin = at_;
  Advance();
  Advance();
  while (!(Peek() == '*' && Peek(1) == '/')) {
    if (offset_ >= text_.size()) return HclError(begin, "comment not terminated", "close it with */");
    Advance();
  }
  Advance();
  Advance();
  return absl::OkStatus();
}

absl::Status HclScanner::SkipBlank() {
  while (offset_ < text_.size()) {
    const char c = Peek();
    if (IsBlank(c)) {
      Advance();
    } else if (form_ == HclForm::kHcl && (c == '#' || (c == '/' && Peek(1) == '/'))) {
      while (offset_ < text_.size() && Peek() != '\n') Advance();
    } else if (form_ == HclForm::kHcl && c == '/' && Peek(1) == '*') {
      if (absl::Status status = SkipBlockComment(); !status.ok()) return status;
    } else {
      break;
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<HclToken> HclScanner::Next() {
  if (absl::Status status = SkipBlank(); !status.ok()) return status;
  const Position at = at_;
  if (offset_ >= text_.size()) return HclToken{HclToken::kEnd, at, {}};
  const char c = Peek();
  if (IsLetter(c)) return Identifier();
  if (IsDigit(c) || ((c == '-' || c == '.') && IsDigit(Peek(1)))) return Number();
  if (c == '"') return String();
  if (c == '<' && form_ == HclForm::kHcl) return Heredoc();
  const absl::string_view allowed = form_ == HclForm::kHcl ? "{}[],=" : "{}[],:";
  if (c == '\0' || allowed.find(c) == absl::string_view::npos) {
    return HclError(at, absl::StrCat("illegal character '", kit::Escape(text_.substr(offset_, 1)), "'"));
  }
  Advance();
  return HclToken{HclToken::kPunctuation, at, std::string(1, c)};
}

absl::StatusOr<HclToken> HclScanner::Identifier() {
  const size_t begin = offset_;
  const Position at = at_;
  while (IsLetter(Peek()) || IsDigit(Peek()) || Peek() == '-' || (Peek() == '.' && form_ == HclForm::kHcl)) Advance();
  HclToken token = Token(HclToken::kIdent, begin, at);
  if (token.text == "true" || token.text == "false") token.kind = HclToken::kBool;
  if (form_ == HclForm::kJson) {
    if (token.text == "null") token.kind = HclToken::kNull;
    if (token.kind == HclToken::kIdent) {
      return HclError(at, absl::StrCat("illegal word '", kit::Escape(token.text, 64), "'"), "put a name in quotes");
    }
  }
  return token;
}

// HCL reads 0x1f and 017; JSON wants no digit after a leading zero.
absl::Status HclScanner::Leading0(bool& hexadecimal) {
  const Position at = at_;
  Advance();
  if (form_ == HclForm::kHcl && (Peek() == 'x' || Peek() == 'X')) {
    hexadecimal = true;
    Advance();
    if (DigitValue(Peek()) >= 16) return HclError(at, "illegal hexadecimal number");
    while (DigitValue(Peek()) < 16) Advance();
    return absl::OkStatus();
  }
  bool octal = true;
  for (bool first = true; IsDigit(Peek()); first = false) {
    if (form_ == HclForm::kJson) return HclError(at, "numbers cannot start with 0");
    if (!first && Peek() >= '8') octal = false;
    Advance();
  }
  if (!octal && Peek() != '.' && Peek() != 'e' && Peek() != 'E') return HclError(at, "illegal octal number");
  return absl::OkStatus();
}

absl::StatusOr<HclToken> HclScanner::Number() {
  const size_t begin = offset_;
  const Position at = at_;
  HclToken::Kind kind = HclToken::kNumber;
  bool hexadecimal = false;
  if (Peek() == '-') Advance();
  if (Peek() == '0') {
    if (absl::Status status = Leading0(hexadecimal); !status.ok()) return status;
  }
  if (hexadecimal) return Token(kind, begin, at);
  while (IsDigit(Peek())) Advance();
  if (Peek() == '.') {
    kind = HclToken::kFloat;
    Advance();
    while (IsDigit(Peek())) Advance();
  }
  if (Peek() == 'e' || Peek() == 'E') {
    kind = HclToken::kFloat;
    Advance();
    if (Peek() == '+' || Peek() == '-') Advance();
    if (!IsDigit(Peek())) return HclError(at, "a number's exponent has no digits");
    while (IsDigit(Peek())) Advance();
  }
  return Token(kind, begin, at);
}

absl::Status HclScanner::Escape(std::string& value) {
  const Position at = at_;
  Advance();
  const char c = Peek();
  static constexpr std::string_view kNames = "abfnrtv\\\"";
  static constexpr std::string_view kValues = "\a\b\f\n\r\t\v\\\"";
  if (const size_t index = kNames.find(c); c != '\0' && index != std::string_view::npos) {
    Advance();
    value.push_back(kValues[index]);
    return absl::OkStatus();
  }
  const bool octal = c >= '0' && c <= '7';
  const int digits = octal ? 3 : c == 'x' ? 2 : c == 'u' ? 4 : c == 'U' ? 8 : 0;
  if (digits == 0) return HclError(at, "illegal escape in a string", "write \\\\ for a backslash");
  if (!octal) Advance();
  uint64_t code = 0;
  for (int i = 0; i < digits; ++i, Advance()) {
    const int digit = DigitValue(Peek());
    if (digit >= (octal ? 8 : 16)) return HclError(at, "illegal escape in a string: too few digits");
    code = code * (octal ? 8 : 16) + static_cast<uint64_t>(digit);
  }
  const bool byte = octal || c == 'x';
  if (code > (byte ? 0xFF : 0x10FFFF) || (!byte && code >= 0xD800 && code <= 0xDFFF)) {
    return HclError(at, "illegal escape in a string: no such character");
  }
  if (byte)
    value.push_back(static_cast<char>(code));
  else
    AppendUtf8(static_cast<uint32_t>(code), value);
  return absl::OkStatus();
}

// HCL leaves what stands between ${ and its brace as it is, quotes and newlines included.
absl::Status HclScanner::Interpolation(std::string& value) {
  const Position begin = at_;
  const size_t from = offset_;
  int braces = 0;
  do {
    if (offset_ >= text_.size() || Peek() == '\0') return HclError(begin, "${ without its closing brace");
    if (Peek() == '{') ++braces;
    if (Peek() == '}') --braces;
    if (Peek() == '\\') {
      std::string ignored;
      if (absl::Status status = Escape(ignored); !status.ok()) return status;
    } else {
      Advance();
    }
  } while (braces > 0 || offset_ == from + 1);
  value.append(text_.substr(from, offset_ - from));
  return absl::OkStatus();
}

absl::StatusOr<HclToken> HclScanner::String() {
  HclToken token{HclToken::kString, at_, {}};
  Advance();
  while (Peek() != '"') {
    absl::Status status;
    if (offset_ >= text_.size() || Peek() == '\n' || Peek() == '\0') {
      return HclError(token.at, "string not terminated", "close it with \"");
    } else if (Peek() == '\\') {
      status = Escape(token.text);
    } else if (form_ == HclForm::kHcl && Peek() == '$' && Peek(1) == '{') {
      status = Interpolation(token.text);
    } else {
      const size_t begin = offset_;
      Advance();
      token.text.append(text_.substr(begin, offset_ - begin));
    }
    if (!status.ok()) return status;
  }
  Advance();
  return token;
}

absl::StatusOr<HclToken> HclScanner::Heredoc() {
  const Position at = at_;
  Advance();
  if (Peek() != '<') return HclError(at, "expected a second '<' of a heredoc");
  Advance();
  if (Peek() == '-') Advance();
  const size_t name = offset_;
  while (IsLetter(Peek()) || IsDigit(Peek())) Advance();
  const std::string anchor(text_.substr(name, offset_ - name));
  if (Peek() == '\r') Advance();
  if (anchor.empty() || Peek() != '\n')
    return HclError(at, "a heredoc needs a name of letters and digits, then a newline");
  Advance();
  const size_t body = offset_;
  while (true) {
    const size_t line = offset_;
    while (offset_ < text_.size() && Peek() != '\n') Advance();
    if (offset_ >= text_.size()) {
      return HclError(at, "heredoc not terminated", absl::StrCat("end it with a line ", kit::Escape(anchor, 64)));
    }
    const std::string_view text = text_.substr(line, offset_ - line);
    if (IsAnchor(absl::string_view(text.data(), text.size()), anchor)) {
      Advance();
      return HclToken{HclToken::kHeredoc, at, std::string(text_.substr(body, line - body))};
    }
    Advance();
  }
}

}  // namespace belfry::plugin
