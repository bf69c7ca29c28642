// What this machine is, as far as it says so in files: for doctor, for start-up, and for the off switch.
// Thread-safe. Absent answers mean "not known here", never "no".
#ifndef BELFRY_HOST_MACHINE_H_
#define BELFRY_HOST_MACHINE_H_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "host/mounts.h"

namespace belfry::host {

std::string KernelRelease();  // "6.18.44"

// Where the cgroup v2 hierarchy is mounted with its own root; nullopt if it is not.
std::optional<std::string> Cgroup2Root(const std::vector<Mount>& mounts);

// "none", "integrity" or "confidentiality"; nullopt without securityfs or without lockdown.
std::optional<std::string> Lockdown();
std::optional<std::string> ParseLockdown(std::string_view text);  // "none [integrity] confidentiality"

// The active security modules in order; nullopt without securityfs: then only a canary tells (kernel-facts 8.15).
std::optional<std::vector<std::string>> ActiveLsms();

// Nobody attaches to anybody until the next boot: Yama's ptrace_scope is 3 (Documentation/admin-guide/LSM/Yama.rst).
bool TracingIsOff();

// Why Belfry must not arm on this machine, nullopt if it may: the disarm file exists, or the kernel was booted with
// belfry=off. A command line that cannot be read is no reason.
inline constexpr const char* kDisarmFile = "/etc/belfry/disarm";
std::optional<std::string> DisarmedBy(const std::string& disarm_file = kDisarmFile);
bool CommandLineSaysOff(std::string_view command_line);

}  // namespace belfry::host

#endif  // BELFRY_HOST_MACHINE_H_
