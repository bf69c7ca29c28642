// The exit codes of design 8. doctor's and status's are ExitOf(health) of doctor.h.
#ifndef BELFRY_CLI_EXITS_H_
#define BELFRY_CLI_EXITS_H_

namespace belfry::cli {

inline constexpr int kDone = 0;
inline constexpr int kWithheld = 1;     // attest
inline constexpr int kFailed = 1;       // mode, reload, audit: the daemon or the disk said no
inline constexpr int kViolation = 1;    // audit --fail
inline constexpr int kBlind = 2;        // doctor, status, audit
inline constexpr int kMistaken = 1;     // policy check
inline constexpr int kNotAllowed = 1;   // policy explain
inline constexpr int kUnknown = 3;      // explain, policy explain: no such process; attest: not ours
inline constexpr int kUnavailable = 4;  // attest, audit, explain, reload: nobody to ask, or no answer yet
inline constexpr int kUsage = 64;       // EX_USAGE: the command line makes no sense

}  // namespace belfry::cli

#endif  // BELFRY_CLI_EXITS_H_
