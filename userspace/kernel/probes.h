// What this machine offers, found by trying: each answer carries its remedy.
#ifndef BELFRY_KERNEL_PROBES_H_
#define BELFRY_KERNEL_PROBES_H_

#include <string>
#include <vector>

namespace belfry::kernel {

struct Probe {
  std::string name;    // "btf", "cap_bpf", "cgroup_v2", "tp_btf", "cgroup/connect_unix", "trampolines", "lsm_active", ...
  bool ok = false;
  bool required = false;  // the daemon exits 3 without it
  std::string detail;     // what was seen
  std::string remedy;     // empty if ok
};

std::vector<Probe> RunProbes();

}  // namespace belfry::kernel

#endif  // BELFRY_KERNEL_PROBES_H_
