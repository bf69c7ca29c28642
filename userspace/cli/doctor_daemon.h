// What the daemon's own status tells about its health, in doctor's words. Pure.
#ifndef BELFRY_CLI_DOCTOR_DAEMON_H_
#define BELFRY_CLI_DOCTOR_DAEMON_H_

#include "absl/status/status.h"
#include "belfry/v1/admin.pb.h"
#include "cli/doctor.h"

namespace belfry::cli {

// `asked`: how asking went; OK: `status` is the answer.
Section DaemonSection(const absl::Status& asked, const v1::StatusReply& status);

}  // namespace belfry::cli

#endif  // BELFRY_CLI_DOCTOR_DAEMON_H_
