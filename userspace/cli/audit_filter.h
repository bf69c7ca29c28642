// Which lines of an audit are wanted. Pure; thread-safe.
#ifndef BELFRY_CLI_AUDIT_FILTER_H_
#define BELFRY_CLI_AUDIT_FILTER_H_

#include <string>
#include <vector>

#include "effect/entry.h"

namespace belfry::cli {

// Of each list one has to match; an empty list asks nothing. Texts are patterns of fnmatch(3) over what is shown.
struct AuditFilter {
  std::vector<std::string> guards;
  std::vector<std::string> users;     // name or number
  std::vector<std::string> exes;      // executable or script
  std::vector<std::string> units;     // unit, container or pod
  std::vector<std::string> verdicts;  // "sound", "withheld", "own", or a reason
  bool only_violations = false;

  // What says that lines are missing is always wanted.
  bool Wants(const effect::Entry& entry) const;
};

}  // namespace belfry::cli

#endif  // BELFRY_CLI_AUDIT_FILTER_H_
