#include "kernel/name_key.h"

#include <string_view>

namespace belfry::kernel {

belfry_name_key NameKey(uint32_t dev, const std::string& path) {
  constexpr uint64_t kPrime = 0x100000001b3ull;
  uint64_t hash = 0xcbf29ce484222325ull;
  std::string_view rest = path;
  while (!rest.empty()) {
    const size_t slash = rest.rfind('/');
    const std::string_view component = slash == std::string_view::npos ? rest : rest.substr(slash + 1);
    rest = slash == std::string_view::npos ? std::string_view() : rest.substr(0, slash);
    if (component.empty() || component == ".") continue;
    for (const char c : component) hash = (hash ^ static_cast<uint8_t>(c)) * kPrime;
    hash = (hash ^ '/') * kPrime;
  }
  return {.hash = hash, .dev = dev, .pad = 0};
}

}  // namespace belfry::kernel
