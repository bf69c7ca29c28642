// An audit for people: one line for each thing that happened, in columns that fit the screen.
//
// The widths are decided once, from the screen alone: lines come one by one. Where they do not fit, the columns that say
// least go first. Without a terminal nothing is cut. Pure; thread-safe. Texts of entries may be hostile.
#ifndef BELFRY_CLI_RENDER_AUDIT_H_
#define BELFRY_CLI_RENDER_AUDIT_H_

#include <array>
#include <cstddef>
#include <string>

#include "cli/screen.h"
#include "effect/entry.h"

namespace belfry::cli {

// How a process is called in one word or two: its script with the interpreter, else its executable, else its comm.
std::string ProgramText(const effect::Program& program, const std::vector<std::string>& args = {});
std::string ShortProgram(const effect::Program& program);  // without directories
// Who opened, in one word: its program, or the address from which it came.
std::string OpenerText(const effect::Entry& entry);
std::string UserText(const effect::Entry& entry);
std::string HomeText(const effect::Entry& entry);  // container, unit or cgroup

class AuditLines {
 public:
  // `cut`: the screen is a terminal. `tree`: the parents follow each line instead of standing in it.
  AuditLines(const Screen& screen, bool cut, bool tree);

  std::string Header() const;
  std::string Line(const effect::Entry& entry) const;

 private:
  enum Column { kTime, kGuard, kWhat, kPid, kProgram, kUser, kHome, kFrom, kVerdict, kColumns };
  std::string Row(const std::array<std::string, kColumns>& cells, const effect::Entry* entry) const;
  std::string Tree(const effect::Entry& entry) const;
  bool Fits(size_t wanted) const;

  const Screen screen_;
  const bool cut_;
  const bool tree_;
  std::array<size_t, kColumns> widths_{};  // 0: left out
};

}  // namespace belfry::cli

#endif  // BELFRY_CLI_RENDER_AUDIT_H_
