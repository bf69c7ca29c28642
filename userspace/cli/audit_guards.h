// The guards of an audit without a daemon: sockets named on the command line, or a policy's guards, all in `observe`.
#ifndef BELFRY_CLI_AUDIT_GUARDS_H_
#define BELFRY_CLI_AUDIT_GUARDS_H_

#include "absl/status/statusor.h"
#include "cli/audit.h"
#include "engine/config.h"

namespace belfry::cli {

// InvalidArgument: a path that no socket can have, or a policy with mistakes (one a line).
absl::StatusOr<engine::Config> AuditGuards(const AuditOptions& options);

}  // namespace belfry::cli

#endif  // BELFRY_CLI_AUDIT_GUARDS_H_
