// Who was seen, how often, first and last: what an audit says when it ends. Bounded: beyond kPeopleMax different ones the
// rest is counted together. Not thread-safe.
#ifndef BELFRY_CLI_AUDIT_SUMMARY_H_
#define BELFRY_CLI_AUDIT_SUMMARY_H_

#include <cstdint>
#include <map>
#include <string>
#include <tuple>

#include "cli/screen.h"
#include "effect/entry.h"

namespace belfry::cli {

class AuditSummary {
 public:
  static constexpr size_t kPeopleMax = 1000;
  static constexpr size_t kShownMax = 20;

  void Count(const effect::Entry& entry);  // for the totals alone
  void Add(const effect::Entry& entry);

  std::string Table(const Screen& screen) const;  // of who connected; empty if nobody did
  std::string Totals() const;                     // one line: "12 connects, 1 violation, nothing lost"

 private:
  struct Seen {
    uint64_t connects = 0, violations = 0;
    uint64_t first_ns = 0, last_ns = 0;  // wall
  };
  using Who = std::tuple<std::string, std::string, std::string, std::string>;  // guard, program, user, where

  std::map<Who, Seen> seen_;
  Seen others_;
  uint64_t connects_ = 0, violations_ = 0, lost_ = 0, dropped_ = 0;
};

}  // namespace belfry::cli

#endif  // BELFRY_CLI_AUDIT_SUMMARY_H_
