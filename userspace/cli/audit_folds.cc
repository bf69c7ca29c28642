#include "cli/audit_folds.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cli/amounts.h"
#include "cli/columns.h"
#include "cli/render_audit.h"

namespace belfry::cli {
namespace {

// All that people are shown of it but when, and by which process of a program.
std::string SameText(const effect::Entry& entry) {
  const std::string home = HomeText(entry);
  return absl::StrCat(Plain(entry.guard), ": ", Plain(entry.action), " by ", OpenerText(entry), " as ", UserText(entry),
                      home.empty() ? "" : " in " + home, ": ", Plain(absl::StrJoin(entry.reasons, ", ")));
}

}  // namespace

bool AuditFolds::Tells(const effect::Entry& entry, Clock::time_point now) {
  if (!entry.violation) return true;
  return folding_.Say(SameText(entry), now).has_value();
}

std::string AuditFolds::Due(Clock::time_point now) {
  if (now < look_at_) return "";
  look_at_ = now + std::chrono::seconds(1);
  return Untold(now);
}

std::string AuditFolds::Untold(Clock::time_point now) {
  std::string text;
  for (const kit::Folding::Unsaid& one : folding_.Due(now)) absl::StrAppend(&text, "... ", Grouped(one.times), " more of ", one.key, "\n");
  if (const uint64_t forgotten = folding_.TakeForgotten(); forgotten > 0)
    absl::StrAppend(&text, "... ", Grouped(forgotten), " more violations, of too many different kinds to tell (--json tells each)\n");
  return text;
}

}  // namespace belfry::cli
