#include "kernel/objects.h"

#include <cerrno>
#include <cstdlib>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-function"
#include "bpf_skeleton/belfry_510_bpf.skel.h"
#include "bpf_skeleton/belfry_601_bpf.skel.h"
#pragma GCC diagnostic pop

namespace belfry::kernel {
namespace {

constexpr Object kObjects[] = {
    {"6.2", belfry_602_bpf__elf_bytes},
    {"6.1", belfry_601_bpf__elf_bytes},
    {"5.10", belfry_510_bpf__elf_bytes},
};

// One skeleton serves all: they have the same programs and maps, and what is mapped into us lies at the same place.
template <typename Other>
constexpr bool kSameRoom = sizeof(*belfry_bpf::bss) == sizeof(*Other::bss) && sizeof(*belfry_bpf::rodata) == sizeof(*Other::rodata);
static_assert(kSameRoom<belfry_601_bpf> && kSameRoom<belfry_510_bpf>);

}  // namespace

std::span<const Object> Objects() { return kObjects; }

Skeleton OpenObject(const Object& object) {
  // What the skeleton's own open does, with other bytes.
  Skeleton skeleton(static_cast<belfry_bpf*>(std::calloc(1, sizeof(belfry_bpf))));
  if (!skeleton || belfry_602_bpf__create_skeleton(skeleton.get()) != 0) return {};
  skeleton->skeleton->data = const_cast<void*>(object.bytes(&skeleton->skeleton->data_sz));
  const int error = bpf_object__open_skeleton(skeleton->skeleton, nullptr);
  if (error == 0) return skeleton;
  skeleton.reset();
  errno = -error;
  return {};
}

std::string FloorOf(const Object& object) {
  return absl::StrCat(absl::StrReplaceAll(object.since, {{".", "_"}}), "-");  // bpffs refuses names with a dot
}

std::string HashOf(const Object& object) {
  size_t size = 0;
  const uint8_t* bytes = static_cast<const uint8_t*>(object.bytes(&size));
  uint64_t hash = 0xcbf29ce484222325ull;
  for (size_t i = 0; i < size; ++i) hash = (hash ^ bytes[i]) * 0x100000001b3ull;
  // Test switch: BELFRY_TEST_OBJECT makes it another build's.
  const char* other = std::getenv("BELFRY_TEST_OBJECT");
  return absl::StrFormat("%s%016x%s", FloorOf(object), hash, other == nullptr ? "" : other);
}

}  // namespace belfry::kernel
