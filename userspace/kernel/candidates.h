// Which mechanism is taken: a table in order of preference, kept or dropped by trying.
#ifndef BELFRY_KERNEL_CANDIDATES_H_
#define BELFRY_KERNEL_CANDIDATES_H_

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "kernel/hooks.h"

namespace belfry::kernel {

struct Candidate {
  Backend backend;
  std::string (*missing)();  // why it cannot be had here, found by trying; empty: it can
  uint32_t blind_to;         // bits of enum belfry_taint it cannot see
  bool refuses_use;          // what others do with a stream is refused, or taints it as it happens
};

// Best first; the last one is always worth an attempt.
std::span<const Candidate> Candidates();

}  // namespace belfry::kernel

#endif  // BELFRY_KERNEL_CANDIDATES_H_
