#include "cli/amounts.h"

#include <iterator>

#include "kit/clock.h"

namespace belfry::cli {
namespace {

struct Unit {
  uint64_t seconds;
  const char* name;
};
constexpr Unit kUnits[] = {{86400, "d"}, {3600, "h"}, {60, "min"}, {1, "s"}};

}  // namespace

std::string Span(uint64_t ns) {
  const uint64_t seconds = ns / kit::kSecondNs;
  for (size_t i = 0; i < std::size(kUnits); ++i) {
    const uint64_t whole = seconds / kUnits[i].seconds;
    if (whole == 0) continue;
    std::string text = std::to_string(whole) + " " + kUnits[i].name;
    if (i + 1 >= std::size(kUnits)) return text;
    const uint64_t rest = seconds % kUnits[i].seconds / kUnits[i + 1].seconds;
    return rest == 0 || kUnits[i].seconds == 60 ? text : text + " " + std::to_string(rest) + " " + kUnits[i + 1].name;
  }
  return "under 1 s";
}

std::string Ago(uint64_t then_ns, uint64_t now_ns) {
  if (then_ns == 0) return "at an unknown time";
  return then_ns >= now_ns ? "just now" : Span(now_ns - then_ns) + " ago";
}

std::string Grouped(uint64_t number) {
  std::string digits = std::to_string(number);
  for (size_t i = digits.size(); i > 3;) digits.insert(i -= 3, ",");
  return digits;
}

std::string Counted(uint64_t number, const std::string& what) {
  return Grouped(number) + " " + what + (number == 1 ? "" : "s");
}

std::string Joined(const std::vector<std::string>& words, const char* between) {
  std::string text;
  for (const std::string& word : words) text.append(text.empty() ? "" : between).append(word);
  return text;
}

}  // namespace belfry::cli
