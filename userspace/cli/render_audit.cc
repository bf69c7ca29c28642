#include "cli/render_audit.h"

#include <time.h>

#include <algorithm>
#include <cstdio>
#include <string_view>
#include <vector>

#include "absl/strings/str_cat.h"
#include "cli/amounts.h"
#include "kit/clock.h"
#include "verdict/rule_words.h"

namespace belfry::cli {
namespace {

constexpr size_t kBetween = 2;
constexpr size_t kWholeLine = 2048;     // bytes of one cell at most, where nothing is cut
constexpr size_t kContainerDigits = 12;  // as container engines show an id
constexpr size_t kOnPaper = 170;         // columns without a terminal

struct Shape {
  const char* title;
  size_t least, most;
  int leaves;  // the higher, the earlier it goes where there is no room; 0: stays
};
constexpr Shape kShapes[] = {
    {"TIME", 8, 12, 0},   {"GUARD", 6, 10, 3}, {"WHAT", 8, 8, 0},   {"PID", 7, 7, 0},    {"PROGRAM", 10, 48, 0},
    {"USER", 6, 10, 2},   {"WHERE", 12, 24, 4}, {"FROM", 14, 48, 5}, {"VERDICT", 12, 40, 1},
};

struct ActionWord {
  std::string_view action, word;
};
constexpr ActionWord kWords[] = {
    {"not_allowed", "policy"},
    {"impostor_listener", "impostor"}, {"listener_enrolled", "serves"}, {"would_withhold", "withhold"}, {"unrecorded", "unseen"},
};

std::string WhatText(const std::string& action) {
  for (const ActionWord& one : kWords)
    if (one.action == action) return std::string(one.word);
  return Plain(action);
}

std::string_view LastPart(std::string_view path) {
  const size_t slash = path.rfind('/');
  return slash == std::string_view::npos || slash + 1 == path.size() ? path : path.substr(slash + 1);
}

bool Interprets(std::string_view exe) {
  const std::string_view name = LastPart(exe);
  for (const std::string_view one : {"sh", "bash", "dash", "zsh", "ksh", "fish", "perl", "ruby", "node", "php", "lua"})
    if (name == one) return true;
  return name.starts_with("python");
}

// From the left, where the name of a file is at the right.
std::string CutLeft(const std::string& text, size_t width) {
  const size_t columns = Columns(text);
  if (columns <= width) return text;
  size_t at = 0;
  for (size_t skip = columns - (width - 3); at < text.size(); ++at) {
    if ((static_cast<unsigned char>(text[at]) & 0xC0) == 0x80) continue;
    if (skip-- == 0) break;
  }
  return "..." + text.substr(at);
}

std::string CutRight(const std::string& text, size_t width) {
  if (Columns(text) <= width) return text;
  size_t end = 0;
  for (size_t columns = 0; end < text.size(); ++end)
    if ((static_cast<unsigned char>(text[end]) & 0xC0) != 0x80 && ++columns > width - 3) break;
  return text.substr(0, end) + "...";
}

std::string TimeText(uint64_t wall_ns, size_t width) {
  const time_t seconds = static_cast<time_t>(wall_ns / kit::kSecondNs);
  tm parts{};
  localtime_r(&seconds, &parts);
  char text[32];
  snprintf(text, sizeof text, "%02d:%02d:%02d.%03u", parts.tm_hour, parts.tm_min, parts.tm_sec,
           static_cast<unsigned>(wall_ns % kit::kSecondNs / 1'000'000));
  return std::string(text).substr(0, width);
}

std::string FromText(const effect::Entry& entry) {
  std::vector<std::string> parents;
  if (entry.who != nullptr)
    for (const effect::Ancestor& parent : entry.who->parents) parents.push_back(ShortProgram(parent.program));
  return Joined(parents, " < ");
}

std::string VerdictText(const effect::Entry& entry) {
  std::vector<std::string> reasons;
  for (const std::string& reason : entry.reasons) reasons.push_back(Plain(reason));
  const bool allowed = std::find(entry.reasons.begin(), entry.reasons.end(), verdict::kNotAllowed) == entry.reasons.end();
  if (!allowed && !entry.message.empty()) reasons.push_back(Plain(entry.message));
  if (allowed && !entry.rule.empty()) reasons.push_back("rule " + Plain(entry.rule));
  if (reasons.empty() && !entry.message.empty()) return Plain(entry.message);
  if (reasons.empty()) return Plain(entry.verdict);
  const bool only_noted = entry.verdict == "sound" || entry.verdict == "own";
  return only_noted ? absl::StrCat(entry.verdict, " (", Joined(reasons), ")") : Joined(reasons);
}

Colour ColourOf(const effect::Entry& entry) {
  if (entry.violation) return Colour::kRed;
  if (entry.action == "lost" || entry.action == "dropped") return Colour::kYellow;
  return entry.verdict == "sound" ? Colour::kGreen : Colour::kNone;
}

}  // namespace

std::string ProgramText(const effect::Program& program, const std::vector<std::string>& args) {
  if (!program.script.empty()) {
    const std::string script = Plain(program.script, kWholeLine);
    return program.exe.empty() ? script : absl::StrCat(script, " (", Plain(LastPart(program.exe)), ")");
  }
  if (program.exe.empty()) return program.comm.empty() ? "?" : absl::StrCat("[", Plain(program.comm), "]");
  const std::string exe = Plain(program.exe, kWholeLine);
  if (!Interprets(program.exe)) return exe;
  // What it was told to run, by its own arguments.
  const auto script = std::find_if(args.begin() + (args.empty() ? 0 : 1), args.end(),
                                   [](const std::string& argument) { return !argument.starts_with("-"); });
  const bool in_line = args.size() > 1 && args[1].starts_with("-") && args[1].find_first_of("ceE") != std::string::npos;
  return script == args.end() || in_line ? exe : absl::StrCat(exe, " ", Plain(*script));
}

std::string ShortProgram(const effect::Program& program) {
  if (!program.script.empty()) return Plain(LastPart(program.script));
  if (!program.exe.empty() && !Interprets(program.exe)) return Plain(LastPart(program.exe));
  // Of a script from before the watch the kernel still has the name.
  if (!program.comm.empty()) return Plain(program.comm);
  return program.exe.empty() ? "?" : Plain(LastPart(program.exe));
}

std::string OpenerText(const effect::Entry& entry) {
  if (entry.pid == 0 && !entry.source.ip.empty()) return Plain(entry.source.ip);
  return entry.who == nullptr ? "?" : ProgramText(entry.who->program, entry.who->args);
}

std::string UserText(const effect::Entry& entry) {
  if (!entry.user.empty()) return Plain(entry.user);
  return entry.uid ? std::to_string(*entry.uid) : "";
}

std::string HomeText(const effect::Entry& entry) {
  if (entry.home == nullptr) return "";
  const host::Home& home = *entry.home;
  if (!home.container.empty()) return "container " + Plain(home.container.substr(0, kContainerDigits));
  if (!home.unit.empty()) return Plain(home.unit);
  return home.cgroup == "/" ? "" : Plain(home.cgroup, kWholeLine);
}

AuditLines::AuditLines(const Screen& screen, bool cut, bool tree) : screen_(screen), cut_(cut), tree_(tree) {
  const size_t room = cut ? screen.width : std::max(screen.width, kOnPaper);
  for (size_t i = 0; i < kColumns; ++i) widths_[i] = kShapes[i].least;
  if (tree) widths_[kFrom] = 0;
  for (int leaves = 5; leaves > 0 && !Fits(room); --leaves)
    for (size_t i = 0; i < kColumns; ++i)
      if (kShapes[i].leaves == leaves) widths_[i] = 0;
  // What is left goes round to those that are not as wide as they like.
  for (bool grown = true; grown;) {
    grown = false;
    for (size_t i = 0; i < kColumns; ++i) {
      if (widths_[i] == 0 || widths_[i] >= kShapes[i].most) continue;
      const size_t before = widths_[i];
      widths_[i] += i == kProgram ? 3 : 1;  // what people look for
      if (Fits(room))
        grown = true;
      else
        widths_[i] = before;
    }
  }
  // Milliseconds whole or not at all.
  if (widths_[kTime] < kShapes[kTime].most) widths_[kTime] = kShapes[kTime].least;
}

bool AuditLines::Fits(size_t room) const {
  size_t wanted = 0;
  for (const size_t width : widths_) wanted += width == 0 ? 0 : width + kBetween;
  return wanted <= room + kBetween;
}

std::string AuditLines::Header() const {
  std::array<std::string, kColumns> titles;
  for (size_t i = 0; i < kColumns; ++i) titles[i] = kShapes[i].title;
  return screen_.Paint(Colour::kDim, Row(titles, nullptr)) + "\n";
}

std::string AuditLines::Row(const std::array<std::string, kColumns>& cells, const effect::Entry* entry) const {
  std::string row;
  size_t missing = 0;  // blanks to where the next column begins
  for (size_t i = 0; i < kColumns; ++i) {
    const size_t width = widths_[i];
    if (width == 0) continue;
    std::string cell = cells[i];
    if (cut_) cell = i == kProgram ? CutLeft(cell, width) : CutRight(cell, width);
    const size_t blanks = width - std::min(width, Columns(cell));
    if (!cell.empty()) {
      row.append(missing + (i == kPid ? blanks : 0), ' ');
      const bool coloured = entry != nullptr && (i == kVerdict || (i == kWhat && entry->verdict != "sound"));
      row += coloured ? screen_.Paint(ColourOf(*entry), cell)
             : i == kTime && entry != nullptr ? screen_.Paint(Colour::kDim, cell)
                                              : cell;
      missing = 0;
    }
    missing += (i == kPid && !cell.empty() ? 0 : blanks) + kBetween;
  }
  return row;
}

std::string AuditLines::Line(const effect::Entry& entry) const {
  std::array<std::string, kColumns> cells;
  cells[kTime] = TimeText(entry.wall_ns, widths_[kTime]);
  cells[kWhat] = WhatText(entry.action);
  if (entry.action == "lost" || entry.action == "dropped") {
    const std::string what = absl::StrCat(cells[kTime], "  ", screen_.Paint(Colour::kYellow, cells[kWhat]), "  ",
                                          Grouped(entry.count), entry.count == 1 ? " line" : " lines");
    return absl::StrCat(what, entry.kernel_program.empty() ? "" : " of " + Plain(entry.kernel_program), ": ",
                        Plain(entry.message), "\n");
  }
  cells[kGuard] = Plain(entry.guard);
  cells[kPid] = entry.pid == 0 ? "" : std::to_string(entry.pid);
  if (entry.who != nullptr) cells[kProgram] = OpenerText(entry);
  if (cells[kProgram].empty() || cells[kProgram] == "?") cells[kProgram] = entry.path.empty() ? "" : Plain(entry.path, kWholeLine);
  cells[kUser] = UserText(entry);
  cells[kHome] = HomeText(entry);
  cells[kFrom] = FromText(entry);
  cells[kVerdict] = VerdictText(entry);
  return Row(cells, &entry) + "\n" + (tree_ ? Tree(entry) : "");
}

std::string AuditLines::Tree(const effect::Entry& entry) const {
  std::string text;
  size_t indent = 2;
  if (entry.who == nullptr) return text;
  for (const effect::Ancestor& parent : entry.who->parents) {
    const std::string line = absl::StrCat(std::string(indent, ' '), "`- ", parent.pid, " ", ProgramText(parent.program));
    text += (cut_ ? CutRight(line, screen_.width) : line) + "\n";
    if (indent < screen_.width / 2) indent += 2;
  }
  return text;
}

}  // namespace belfry::cli
