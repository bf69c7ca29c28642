#include "kernel/name_key.h"

#include <string_view>

namespace belfry::kernel {

std::string AbstractBytes(const std::string& name) { return std::string(1, '\0') + name.substr(1); }

belfry_name_key NameKey(uint32_t dev, const std::string& path) {
  constexpr uint64_t kPrime = 0x100000001b3ull;
  uint64_t hash = 0xcbf29ce484222325ull;
  const auto add = [&hash](std::string_view component) {
    for (const char c : component) hash = (hash ^ static_cast<uint8_t>(c)) * kPrime;
    hash = (hash ^ '/') * kPrime;
  };
  std::string_view rest = path;
  if (rest.starts_with('@')) {
    add(AbstractBytes(path));
    rest = {};
  }
  while (!rest.empty()) {
    const size_t slash = rest.rfind('/');
    const std::string_view component = slash == std::string_view::npos ? rest : rest.substr(slash + 1);
    rest = slash == std::string_view::npos ? std::string_view() : rest.substr(0, slash);
    if (component.empty() || component == ".") continue;
    add(component);
  }
  return {.hash = hash, .dev = dev, .pad = 0};
}

}  // namespace belfry::kernel
