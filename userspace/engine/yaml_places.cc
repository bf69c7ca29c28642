#include "engine/yaml_places.h"

#include <cctype>

namespace belfry::engine {
namespace {

size_t EndOfLine(const std::string& text, size_t at) {
  const size_t end = text.find('\n', at);
  return end == std::string::npos ? text.size() : end + 1;
}

// Of a quoted scalar that begins at `at`.
size_t EndOfQuoted(const std::string& text, size_t at) {
  const char quote = text[at];
  for (++at; at < text.size(); ++at) {
    if (quote == '"' && text[at] == '\\') {
      ++at;
    } else if (text[at] == quote) {
      if (quote != '\'' || at + 1 >= text.size() || text[at + 1] != '\'') return at;
      ++at;
    }
  }
  return at;
}

bool BeginsComment(const std::string& text, size_t at) {
  return text[at] == '#' && (at == 0 || std::isspace(static_cast<unsigned char>(text[at - 1])) != 0);
}

// Only where a scalar may begin is a quote one.
bool BeginsScalar(const std::string& text, size_t at) {
  for (; at > 0; --at) {
    const char before = text[at - 1];
    if (before == '[' || before == '{' || before == ',' || before == ':') return true;
    if (std::isspace(static_cast<unsigned char>(before)) == 0) return false;
  }
  return true;
}

}  // namespace

bool IsFlow(const std::string& text, const YAML::Mark& mark) {
  const auto at = static_cast<size_t>(mark.pos);
  return at < text.size() && (text[at] == '[' || text[at] == '{');
}

size_t EndOfBlock(const std::string& text, const YAML::Mark& mark) {
  const auto column = static_cast<size_t>(mark.column);
  const bool list = text[static_cast<size_t>(mark.pos)] == '-';
  size_t at = static_cast<size_t>(mark.pos) - column;
  size_t end = EndOfLine(text, at);
  for (at = end; at < text.size(); at = EndOfLine(text, at)) {
    const size_t word = text.find_first_not_of(" \t\r", at);
    if (word == std::string::npos || text[word] == '\n') continue;  // blank: belongs to what follows
    const size_t indent = word - at;
    if (indent < column) break;
    const bool comment = text[word] == '#';
    // The next key of a map whose list is not indented.
    if (list && indent == column && !comment && text[word] != '-') break;
    if (!comment || indent > column) end = EndOfLine(text, at);
  }
  return end;
}

std::optional<size_t> ClosingBracket(const std::string& text, const YAML::Mark& mark) {
  int depth = 0;
  for (auto at = static_cast<size_t>(mark.pos); at < text.size(); ++at) {
    const char c = text[at];
    if ((c == '"' || c == '\'') && BeginsScalar(text, at)) {
      at = EndOfQuoted(text, at);
    } else if (BeginsComment(text, at)) {
      at = EndOfLine(text, at) - 1;
    } else if (c == '[' || c == '{') {
      ++depth;
    } else if ((c == ']' || c == '}') && --depth == 0) {
      return at;
    }
  }
  return std::nullopt;
}

bool NeedsComma(const std::string& text, const YAML::Mark& mark, size_t bracket) {
  char last = 0;
  for (auto at = static_cast<size_t>(mark.pos) + 1; at < bracket; ++at) {
    if (BeginsComment(text, at)) {
      at = EndOfLine(text, at) - 1;
      continue;
    }
    if (std::isspace(static_cast<unsigned char>(text[at])) == 0) last = text[at];
  }
  return last != 0 && last != ',';
}

}  // namespace belfry::engine
