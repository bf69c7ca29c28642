#include "cli/render_status.h"

#include <map>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "cli/amounts.h"
#include "cli/columns.h"

namespace belfry::cli {
namespace {

constexpr size_t kLabel = 22;  // columns of "  would be withheld   "
constexpr int kShownOfEach = 10;

std::string Row(std::string_view label, std::string_view text, const Screen& screen) {
  std::string head = absl::StrCat("  ", std::string(label));
  head.resize(kLabel, ' ');
  return head + Wrap(text, screen.width, kLabel) + "\n";
}

std::string PlainList(const google::protobuf::RepeatedPtrField<std::string>& items) {
  std::vector<std::string> words;
  for (const std::string& item : items) words.push_back(Plain(item));
  return Joined(words);
}

std::string RenderHead(const v1::StatusReply& reply, const Screen& screen) {
  std::string text = absl::StrCat("belfryd ", Plain(reply.version()), ", backend ", Plain(reply.backend()), ": ",
                                  screen.Paint(HealthColour(reply.health()), Plain(reply.health())), "\n");
  return text +
         Paragraph(absl::StrCat(reply.processes() == 1 ? "1 process" : Grouped(reply.processes()) + " processes",
                                " known, ", Counted(reply.connections(), "guarded connection"), " live",
                                reply.adopted() ? "; evidence taken over from the daemon before" : ""),
                   screen, 2) +
         (reply.blind_to_size() == 0 ? "" : Paragraph("cannot see here: " + PlainList(reply.blind_to()), screen, 2));
}

// How long nobody would have been refused: what a promotion to deny is decided on.
std::string Quiet(const v1::GuardStatus& guard, uint64_t now_ns) {
  if (guard.last_would_withhold_ns() != 0) {
    return absl::StrCat("last would-be refusal ", Ago(guard.last_would_withhold_ns(), now_ns));
  }
  if (guard.watched_since_ns() == 0) return "no would-be refusal so far";
  return absl::StrCat("no would-be refusal in ", Span(now_ns - std::min(now_ns, guard.watched_since_ns())),
                      " of watching");
}

std::string RenderPromotion(const v1::GuardStatus& guard, const Screen& screen, uint64_t now_ns) {
  if (guard.mode() == "deny") return "";
  std::vector<std::string> reasons;
  const std::map<std::string, uint64_t> sorted(guard.would_withhold().begin(), guard.would_withhold().end());
  for (const auto& [reason, count] : sorted) reasons.push_back(absl::StrCat(Plain(reason), " ", Grouped(count)));
  std::string text = Row("before deny", Quiet(guard, now_ns), screen);
  if (!reasons.empty()) text += Row("would be withheld", Joined(reasons), screen);
  for (int i = 0; i < guard.would_be_hit_size() && i < kShownOfEach; ++i) {
    text += Row(i == 0 ? "would be hit" : "", Plain(guard.would_be_hit(i)), screen);
  }
  const int more = guard.would_be_hit_size() - kShownOfEach;
  return more > 0 ? text + Row("", absl::StrCat("and ", more, " more (--json lists them)"), screen) : text;
}

std::string RenderGuard(const v1::GuardStatus& guard, const Screen& screen, uint64_t now_ns) {
  std::string text = "\n" + screen.Paint(Colour::kBold, Plain(guard.name())) + " in " + Plain(guard.mode()) + "\n";
  for (int i = 0; i < guard.sockets_size(); ++i) text += Row(i == 0 ? "sockets" : "", Plain(guard.sockets(i)), screen);
  const std::string listener = guard.listener().empty() ? "none yet" : Plain(guard.listener());
  const bool impostor = guard.listener().starts_with("impostor");
  text += Row("listener", impostor ? screen.Paint(Colour::kRed, listener) : listener, screen);
  const std::string barred = guard.barred() == 0 ? "" : absl::StrCat(", ", Grouped(guard.barred()), " refused");
  text += Row("connections", absl::StrCat(Grouped(guard.connections()), " live, ", Grouped(guard.cut()), " cut", barred), screen);
  text += Row("verdicts",
              absl::StrCat(Grouped(guard.sound()), " sound, ", Grouped(guard.withheld()), " withheld, ",
                           Grouped(guard.unavailable()), " unavailable"),
              screen);
  if (!guard.limit().empty())
    text += Row("limit", absl::StrCat(Plain(guard.limit()), "; ", Counted(guard.limited(), "connect"), " refused"), screen);
  return text + RenderPromotion(guard, screen, now_ns);
}

std::string RenderPrograms(const v1::StatusReply& reply, const Screen& screen) {
  static const std::vector<Column> kColumns = {{"KERNEL PROGRAM"},   {"STATE"},         {"SEEN", true},
                                               {"SENT", true},       {"IGNORED", true}, {"LOST (RING)", true},
                                               {"LOST (MAP)", true}, {"MISSED", true}};
  std::vector<std::vector<std::string>> rows;
  for (const v1::ProgramStatus& program : reply.programs()) {
    rows.push_back({Plain(program.name()), program.attached() ? "live" : "DETACHED", Grouped(program.seen()),
                    Grouped(program.sent()), Grouped(program.ignored()), Grouped(program.lost_ring()),
                    Grouped(program.lost_map()), Grouped(program.missed())});
  }
  if (rows.empty()) return "";
  const std::string table = Table(kColumns, rows, screen);
  if (Columns(table.substr(0, table.find('\n'))) <= screen.width) return "\n" + table;
  std::string text = "\nkernel programs\n";  // a table of cut names would say nothing
  for (const auto& row : rows) {
    std::string line = row[0] + " " + row[1];
    for (size_t i = 2; i < row.size(); ++i)
      absl::StrAppend(&line, ", ", absl::AsciiStrToLower(kColumns[i].title), " ", row[i]);
    text += Paragraph(line, screen, 2);
  }
  return text;
}

std::string RenderGaps(const v1::StatusReply& reply, const Screen& screen, uint64_t now_ns) {
  if (reply.gaps_size() == 0) return "\nno gaps in the evidence\n";
  std::string text =
      "\n" + screen.Paint(Colour::kYellow, Counted(reply.gaps_size(), "gap") + " in the evidence") + "\n";
  for (int i = std::max(0, reply.gaps_size() - kShownOfEach); i < reply.gaps_size(); ++i) {
    const v1::Gap& gap = reply.gaps(i);
    text += Paragraph(absl::StrCat(Ago(gap.from_ns(), now_ns), ", for ",
                                   Span(gap.to_ns() - std::min(gap.to_ns(), gap.from_ns())), ": ", Plain(gap.why())),
                      screen, 2);
  }
  return text;
}

}  // namespace

Colour HealthColour(std::string_view health) {
  if (health == "kept" || health == "ok") return Colour::kGreen;
  if (health == "note") return Colour::kDim;
  return health == "blind" ? Colour::kRed : Colour::kYellow;
}

std::string RenderStatus(const v1::StatusReply& reply, const Screen& screen, uint64_t now_ns) {
  std::string text = RenderHead(reply, screen);
  if (reply.guards_size() == 0) text += "\nno guards are configured\n";
  for (const v1::GuardStatus& guard : reply.guards()) text += RenderGuard(guard, screen, now_ns);
  return text + RenderPrograms(reply, screen) + RenderGaps(reply, screen, now_ns) +
         (reply.health() == "kept" ? "" : "\n`belfry doctor` says what is wrong and what to do\n");
}

}  // namespace belfry::cli
