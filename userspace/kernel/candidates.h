// Which mechanism is taken: a table in order of preference, kept or dropped by trying.
#ifndef BELFRY_KERNEL_CANDIDATES_H_
#define BELFRY_KERNEL_CANDIDATES_H_

#include <cstdint>
#include <string>
#include <vector>

namespace belfry::kernel {

struct Choice {
  std::string backend;
  uint32_t blind_to = 0;                 // bits of enum belfry_taint it cannot see
  std::vector<std::string> steps_down;  // why each better one was not taken: "bpf_lsm: ..."
};

Choice ChooseBackend();

// Why a program of that kind cannot be had here; empty if it can. Loads, attaches and drops an empty one.
std::string TryLsm();
std::string TryModifyReturn();

}  // namespace belfry::kernel

#endif  // BELFRY_KERNEL_CANDIDATES_H_
