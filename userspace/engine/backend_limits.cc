#include "engine/backend_limits.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "engine/kernel_rules.h"
#include "kit/error.h"
#include "verdict/soundness.h"

namespace belfry::engine {
namespace {

// Why a connect is not refused by the guard's rules in the kernel; empty: it is.
std::string WhyLate(const GuardConfig& guard, const std::string& backend) {
  if (guard.rules == nullptr || guard.is_port()) return "";
  return backend == "cgroup" ? "backend cgroup cannot refuse a connect" : WhyLate(guard);
}

}  // namespace

// What was not refused at the connect is not cut either.
NoDeny WhyNoDenyOfPort(const GuardConfig& guard) {
  if (guard.rules == nullptr) return {"without rules (allow) nobody is refused", "observe or warn, or whom it is for under allow"};
  const std::string late = WhyLate(guard);
  if (late.empty()) return {};
  return {absl::StrCat("it has ", late, ", and a TCP port's connections are refused at the connect or not at all"),
          "observe or warn, or rules on exe, user, group and namespaces alone"};
}

NoDeny WhyNoDeny(const GuardConfig& guard, const BackendTraits& backend) {
  if (guard.is_port()) return WhyNoDenyOfPort(guard);
  if (guard.limit && !backend.refuses_connects)
    return {absl::StrCat("it has a limit, and backend ", backend.name,
                         " cannot refuse a connect: it does not know whose listener it is for"),
            "take limit out of it, or observe or warn, which only tell, or boot a kernel with bpf in its active LSM list"};
  return {};
}

absl::Status CheckRequired(const Config& config, const BackendTraits& backend) {
  if (config.refuse_splice && !backend.refuses_connects)
    return kit::Error(absl::StatusCode::kFailedPrecondition, config.file + ": refuse_splice",
                      absl::StrCat("backend ", backend.name, " refuses no use of a socket"),
                      "take it out, or boot a kernel with bpf in its active LSM list");
  for (const GuardConfig& guard : config.guards) {
    const std::string where = absl::StrCat(config.file, ":", guard.line, ": guard ", guard.policy.name);
    const uint32_t missing = guard.require & backend.blind_to;
    if (missing != 0)
      return kit::Error(absl::StatusCode::kFailedPrecondition, where,
                        absl::StrCat("it requires ", absl::StrJoin(verdict::TaintNames(missing), ", "),
                                     ", which backend ", backend.name, " cannot see"),
                        "take it out of require, or boot a kernel with bpf in its active LSM list");
    const NoDeny no_deny = WhyNoDeny(guard, backend);
    if (guard.policy.mode == verdict::Mode::kDeny && !no_deny.why.empty())
      return kit::Error(absl::StatusCode::kFailedPrecondition, where, no_deny.why, no_deny.remedy);
  }
  return absl::OkStatus();
}

std::vector<std::string> WithoutEffect(const Config& config, const std::string& backend) {
  std::vector<std::string> lines;
  for (const GuardConfig& guard : config.guards) {
    const std::string where = absl::StrCat(config.file, ":", guard.line, ": guard ", guard.policy.name, ": ");
    if (!guard.policy.preload_excepted.empty())
      lines.push_back(where + "except: preload has no effect: no record says which preload was seen");
    if (const std::string late = WhyLate(guard, backend); !late.empty() && guard.policy.mode == verdict::Mode::kDeny)
      lines.push_back(absl::StrCat(where, "allow: ", late, ": decided right after the connect, and then cut"));
    if (guard.full_refuses.value_or(false) && backend == "cgroup")
      lines.push_back(where + "when_full has no effect: backend cgroup refuses no connect to a unix socket");
    if (guard.on_daemon_loss && backend == "cgroup" && !guard.is_port())
      lines.push_back(where + "on_daemon_loss has no effect: backend cgroup refuses no use of a unix socket in the kernel");
  }
  return lines;
}

}  // namespace belfry::engine
