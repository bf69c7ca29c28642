#include "verdict/message.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "kit/escape.h"

namespace belfry::verdict {
namespace {

constexpr size_t kGuardBytes = 64;

}  // namespace

std::string Message(const Verdict& verdict, const std::string& guard, int64_t pid, int64_t host_pid) {
  const std::string head = absl::StrCat("belfry: ", OutcomeName(verdict.outcome), ": guard ",
                                        kit::Escape(guard, kGuardBytes), ", pid ", pid);
  const std::string tail =
      verdict.outcome == Outcome::kSound ? "" : absl::StrCat("; belfry explain ", host_pid > 0 ? host_pid : pid);
  if (verdict.reasons.empty()) return absl::StrCat(head, tail);
  // The tail must survive: it is what the reader does next.
  const size_t room = kMessageBytes - head.size() - tail.size() - 2;
  return absl::StrCat(head, ": ", kit::Escape(absl::StrJoin(verdict.reasons, ", "), room), tail);
}

}  // namespace belfry::verdict
