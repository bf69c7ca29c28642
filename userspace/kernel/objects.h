// The compiled programs of bpf/: the same sources once for each floor, newest kernels first.
#ifndef BELFRY_KERNEL_OBJECTS_H_
#define BELFRY_KERNEL_OBJECTS_H_

#include <cstddef>
#include <span>
#include <string>

#include "kernel/skeleton.h"

namespace belfry::kernel {

struct Object {
  const char* since;  // the first kernel that takes it
  const void* (*bytes)(size_t* size);
};

std::span<const Object> Objects();

// Opened, not loaded; null with errno if libbpf cannot read it.
Skeleton OpenObject(const Object& object);
// Begins the hashes of all builds for that floor: they read and write the same maps alike.
std::string FloorOf(const Object& object);
// Of its floor and its content.
std::string HashOf(const Object& object);

}  // namespace belfry::kernel

#endif  // BELFRY_KERNEL_OBJECTS_H_
