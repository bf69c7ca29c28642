// A finding in one expression.
#ifndef BELFRY_CLI_FINDING_H_
#define BELFRY_CLI_FINDING_H_

#include <string>

#include "belfry/v1/admin.pb.h"

namespace belfry::cli {

// severity: "ok", "note", "degraded" or "blind"; `what` and `remedy` are safe to print.
inline v1::Finding MakeFinding(const char* severity, const std::string& what, const std::string& remedy = {}) {
  v1::Finding finding;
  finding.set_severity(severity);
  finding.set_what(what);
  finding.set_remedy(remedy);
  return finding;
}

}  // namespace belfry::cli

#endif  // BELFRY_CLI_FINDING_H_
