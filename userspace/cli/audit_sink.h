// Where an audit's lines go instead of standard output: the journal or syslog, one JSON object a message.
//
// Through descriptors that never make the audit wait: a journal or syslog daemon that is slow is a slow reader as any other.
// Source: sd_journal_stream_fd(3), RFC 3164 as syslog(3) writes it on /dev/log; "@cee:" marks JSON (mmjsonparse, Fluentd).
#ifndef BELFRY_CLI_AUDIT_SINK_H_
#define BELFRY_CLI_AUDIT_SINK_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "effect/entry.h"
#include "kit/owned_fd.h"

namespace belfry::cli {

class AuditSink {
 public:
  enum class Kind { kJournal, kSyslog };
  // Unavailable: nobody listens there.
  static absl::StatusOr<std::shared_ptr<const AuditSink>> Open(Kind kind, const std::string& syslog_path = "/dev/log");

  int fd() const { return fd_.get(); }
  bool datagrams() const { return kind_ == Kind::kSyslog; }  // a message is one write(2)
  // With a violation's priority (warning), what says that lines are missing (error), or any other's (info).
  std::string Message(const effect::Entry& entry, const std::string& json) const;

 private:
  AuditSink(Kind kind, kit::OwnedFd fd) : kind_(kind), fd_(std::move(fd)) {}

  const Kind kind_;
  const kit::OwnedFd fd_;
};

}  // namespace belfry::cli

#endif  // BELFRY_CLI_AUDIT_SINK_H_
