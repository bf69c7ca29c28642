#include "cli/audit_summary.h"

#include <time.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "cli/amounts.h"
#include "cli/columns.h"
#include "cli/render_audit.h"
#include "kit/clock.h"

namespace belfry::cli {
namespace {

std::string Clock(uint64_t wall_ns) {
  const time_t seconds = static_cast<time_t>(wall_ns / kit::kSecondNs);
  tm parts{};
  localtime_r(&seconds, &parts);
  char text[16];
  strftime(text, sizeof text, "%H:%M:%S", &parts);
  return text;
}

bool IsConnect(const effect::Entry& entry) { return entry.action == "connect" || entry.action == "unrecorded"; }

}  // namespace

void AuditSummary::Count(const effect::Entry& entry) {
  if (entry.action == "lost") lost_ += entry.count;
  if (entry.action == "dropped") dropped_ += entry.count;
  connects_ += IsConnect(entry);
  violations_ += entry.violation;
}

void AuditSummary::Add(const effect::Entry& entry) {
  Count(entry);
  const bool connect = IsConnect(entry);
  if (!connect && !entry.violation) return;
  const std::string program = OpenerText(entry);
  const Who who(Plain(entry.guard), program, UserText(entry), HomeText(entry));
  auto at = seen_.find(who);
  if (at == seen_.end() && seen_.size() < kPeopleMax) at = seen_.emplace(who, Seen{}).first;
  Seen& seen = at == seen_.end() ? others_ : at->second;
  seen.connects += connect;
  seen.violations += entry.violation;
  if (seen.first_ns == 0) seen.first_ns = entry.wall_ns;
  seen.last_ns = std::max(seen.last_ns, entry.wall_ns);
}

std::string AuditSummary::Table(const Screen& screen) const {
  std::vector<std::pair<Who, Seen>> most(seen_.begin(), seen_.end());
  std::stable_sort(most.begin(), most.end(), [](const auto& a, const auto& b) {
    return std::pair(a.second.violations, a.second.connects) > std::pair(b.second.violations, b.second.connects);
  });
  Seen rest = others_;
  std::vector<std::vector<std::string>> rows;
  for (const auto& [who, seen] : most) {
    if (rows.size() == kShownMax) {
      rest.connects += seen.connects;
      rest.violations += seen.violations;
      continue;
    }
    const auto& [guard, program, user, home] = who;
    rows.push_back({guard, program, user, home, Grouped(seen.connects), Grouped(seen.violations), Clock(seen.first_ns),
                    Clock(seen.last_ns)});
  }
  if (rest.connects + rest.violations > 0)
    rows.push_back({"", "(others)", "", "", Grouped(rest.connects), Grouped(rest.violations), "", ""});
  if (rows.empty()) return "";
  return cli::Table({{"GUARD"}, {"PROGRAM"}, {"USER"}, {"WHERE"}, {"CONNECTS", true}, {"VIOLATIONS", true}, {"FIRST"}, {"LAST"}},
                    rows, screen);
}

std::string AuditSummary::Totals() const {
  std::string text = absl::StrCat(Counted(connects_, "connect"), ", ", Counted(violations_, "violation"));
  if (lost_ + dropped_ == 0) return text + ", nothing lost";
  if (lost_ > 0) absl::StrAppend(&text, ", ", Grouped(lost_), " lost in the kernel");
  if (dropped_ > 0) absl::StrAppend(&text, ", ", Grouped(dropped_), " dropped because the reader was slow");
  return text;
}

}  // namespace belfry::cli
