#include "kit/escape.h"

#include <cctype>

#include <cstdint>

namespace belfry::kit {
namespace {

// Length of the well-formed UTF-8 sequence at the start of `s` (Unicode 15, table 3-7), 0 if there is none.
size_t SequenceLength(std::string_view s, uint32_t& code_point) {
  const auto at = [&](size_t i) { return static_cast<uint8_t>(s[i]); };
  const uint8_t first = at(0);
  if (first < 0x80) {
    code_point = first;
    return 1;
  }
  const size_t length = first >= 0xC2 && first <= 0xDF   ? 2
                        : (first & 0xF0) == 0xE0         ? 3
                        : first >= 0xF0 && first <= 0xF4 ? 4
                                                         : 0;
  if (length == 0 || s.size() < length) return 0;
  uint32_t value = first & (0xFF >> (length + 1));
  for (size_t i = 1; i < length; ++i) {
    if ((at(i) & 0xC0) != 0x80) return 0;
    value = value << 6 | (at(i) & 0x3F);
  }
  const bool overlong = (length == 3 && value < 0x800) || (length == 4 && value < 0x10000);
  if (overlong || value > 0x10FFFF || (value >= 0xD800 && value <= 0xDFFF)) return 0;
  code_point = value;
  return length;
}

// What can move the cursor or reorder text on a terminal although it is valid UTF-8.
bool IsUnsafe(uint32_t c) {
  return c < 0x20 || c == '\\' || (c >= 0x7F && c < 0xA0) || (c >= 0x200B && c <= 0x200F) ||
         (c >= 0x2028 && c <= 0x202E) || (c >= 0x2060 && c <= 0x2069) || c == 0xFEFF;
}

}  // namespace

std::string Escape(std::string_view bytes, size_t limit) {
  static constexpr char kHex[] = "0123456789abcdef";
  static constexpr std::string_view kCut = "...";
  std::string out;
  size_t room_for_cut = 0;  // the longest prefix that still leaves room for "..."
  while (!bytes.empty()) {
    uint32_t code_point = 0;
    const size_t length = SequenceLength(bytes, code_point);
    const size_t taken = length == 0 ? 1 : length;
    const bool raw = length != 0 && !IsUnsafe(code_point);
    if (out.size() + (raw ? taken : 4 * taken) > limit) {
      out.resize(room_for_cut);
      return out.append(kCut.substr(0, limit - room_for_cut));
    }
    for (size_t i = 0; i < taken; ++i) {
      const auto byte = static_cast<uint8_t>(bytes[i]);
      if (raw)
        out.push_back(bytes[i]);
      else
        out.append({'\\', 'x', kHex[byte >> 4], kHex[byte & 15]});
    }
    if (out.size() + kCut.size() <= limit) room_for_cut = out.size();
    bytes.remove_prefix(taken);
  }
  return out;
}

std::string Unescape(std::string_view text) {
  std::string out;
  const auto digit = [](char c) { return c >= 'a' ? c - 'a' + 10 : c - '0'; };
  while (!text.empty()) {
    const bool escaped = text.size() >= 4 && text[0] == '\\' && text[1] == 'x' && std::isxdigit(static_cast<unsigned char>(text[2])) != 0 &&
                         std::isxdigit(static_cast<unsigned char>(text[3])) != 0;
    out.push_back(escaped ? static_cast<char>(digit(text[2]) << 4 | digit(text[3])) : text[0]);
    text.remove_prefix(escaped ? 4 : 1);
  }
  return out;
}

bool IsValidUtf8(std::string_view bytes) {
  while (!bytes.empty()) {
    uint32_t code_point = 0;
    const size_t length = SequenceLength(bytes, code_point);
    if (length == 0) return false;
    bytes.remove_prefix(length);
  }
  return true;
}

}  // namespace belfry::kit
