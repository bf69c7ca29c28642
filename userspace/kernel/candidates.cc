#include "kernel/candidates.h"

#include <cstdlib>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "belfry/wire.h"
#include "kernel/trial.h"

namespace belfry::kernel {
namespace {

constexpr uint32_t Bit(belfry_taint taint) { return 1u << taint; }

// What nobody can see without a hook on use, accept, ptrace and memory writes. A tracer is seen at exec and at a
// verdict, but not one that came and went in between: to be traced cannot be excluded.
constexpr uint32_t kBlindCgroup = Bit(BELFRY_TAINT_FOREIGN_SENDER) | Bit(BELFRY_TAINT_FOREIGN_RECEIVER) |
                                  Bit(BELFRY_TAINT_FOREIGN_ACCEPTOR) | Bit(BELFRY_TAINT_MEMORY_WRITTEN) |
                                  Bit(BELFRY_TAINT_TRACED);

// What these hooks do not tell.
constexpr uint32_t kBlindHooks = Bit(BELFRY_TAINT_FOREIGN_ACCEPTOR) | Bit(BELFRY_TAINT_FD_INHERITED);

// Test switch: BELFRY_TEST_WITHOUT=bpf_lsm,fmod_ret leaves these candidates out.
bool LeftOut(Backend backend) {
  const char* names = std::getenv("BELFRY_TEST_WITHOUT");
  return names != nullptr && absl::StrContains(absl::StrCat(",", names, ","), absl::StrCat(",", NameOf(backend), ","));
}

std::string LsmMissing() {
  if (LeftOut(Backend::kBpfLsm)) return "left out by BELFRY_TEST_WITHOUT";
  const std::string why = TryLsm();
  return why.empty() ? "" : absl::StrCat("lsm/ programs are ", why);
}

std::string ModifyReturnMissing() {
  if (LeftOut(Backend::kFmodRet)) return "left out by BELFRY_TEST_WITHOUT";
  const std::string why = TryModifyReturn();
  return why.empty() ? "" : absl::StrCat("fmod_ret/ programs are ", why);
}

constexpr Candidate kCandidates[] = {
    {Backend::kBpfLsm, LsmMissing, kBlindHooks, true},
    {Backend::kFmodRet, ModifyReturnMissing, kBlindHooks, true},
    {Backend::kCgroup, [] { return std::string(); }, kBlindCgroup, false},
};

}  // namespace

std::span<const Candidate> Candidates() { return kCandidates; }

}  // namespace belfry::kernel
