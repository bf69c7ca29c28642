#include "kernel/name_key.h"

#include <algorithm>
#include <cstring>
#include <string_view>

#include "belfry/name_hash.h"

namespace belfry::kernel {
namespace {

void Absorb(belfry_hash& hash, std::string_view component, uint32_t mark) {
  for (size_t at = 0; at < component.size(); at += sizeof(uint64_t)) {
    uint64_t word = 0;
    std::memcpy(&word, component.data() + at, std::min(sizeof word, component.size() - at));
    belfry_hash_absorb(&hash, word);
  }
  belfry_hash_absorb(&hash, component.size() | mark);
}

}  // namespace

std::string AbstractBytes(const std::string& name) { return std::string(1, '\0') + name.substr(1); }

belfry_name_key NameKey(const NameSecret& secret, uint32_t dev, const std::string& path) {
  belfry_hash hash = belfry_hash_begin(secret[0], secret[1]);
  std::string_view rest = path;
  if (rest.starts_with('@')) {
    Absorb(hash, AbstractBytes(path), BELFRY_LENGTH_ABSTRACT);
    rest = {};
  }
  while (!rest.empty()) {
    const size_t slash = rest.rfind('/');
    const std::string_view component = slash == std::string_view::npos ? rest : rest.substr(slash + 1);
    rest = slash == std::string_view::npos ? std::string_view() : rest.substr(0, slash);
    if (component.empty() || component == ".") continue;
    Absorb(hash, component, 0);
  }
  return {.hash = belfry_hash_end(&hash), .dev = dev, .pad = 0};
}

}  // namespace belfry::kernel
