// Can programs of a kind be had here? Loads one, attaches it and fires it: with bpf not in the active LSM list, LSM
// programs load, attach and never run.
#ifndef BELFRY_KERNEL_TRIAL_H_
#define BELFRY_KERNEL_TRIAL_H_

#include <string>

namespace belfry::kernel {

// Why not; empty if they can.
std::string TryLsm();
std::string TryModifyReturn();
std::string TryKprobe();

}  // namespace belfry::kernel

#endif  // BELFRY_KERNEL_TRIAL_H_
