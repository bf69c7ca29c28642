#include "cli/audit_sink.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <syslog.h>
#include <systemd/sd-journal.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "kit/clock.h"
#include "kit/error.h"

namespace belfry::cli {
namespace {

constexpr char kName[] = "belfry";
constexpr char kIsItThere[] = "see that one runs here, or leave out --to";

absl::StatusOr<kit::OwnedFd> OpenJournal() {
  const int fd = sd_journal_stream_fd(kName, LOG_INFO, 1);
  if (fd >= 0) return kit::OwnedFd(fd);
  return kit::Error(absl::StatusCode::kUnavailable, "opening the journal", strerror(-fd), kIsItThere);
}

absl::StatusOr<kit::OwnedFd> OpenSyslog(const std::string& path) {
  sockaddr_un address{.sun_family = AF_UNIX};
  if (path.size() >= sizeof address.sun_path) return absl::InvalidArgumentError("opening syslog: the path is too long");
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  kit::OwnedFd fd(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!fd || connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
    return kit::Error(absl::StatusCode::kUnavailable, "opening syslog at " + path, strerror(errno), kIsItThere);
  return fd;
}

int Priority(const effect::Entry& entry) {
  if (entry.action == "lost" || entry.action == "dropped") return LOG_ERR;
  return entry.violation ? LOG_WARNING : LOG_INFO;
}

// "Nov 27 15:54:41", in English whatever the locale.
std::string Stamp(uint64_t wall_ns) {
  constexpr const char* kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const time_t seconds = static_cast<time_t>(wall_ns / kit::kSecondNs);
  tm parts{};
  localtime_r(&seconds, &parts);
  char text[32];
  snprintf(text, sizeof text, "%s %2d %02d:%02d:%02d", kMonths[parts.tm_mon], parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec);
  return text;
}

}  // namespace

absl::StatusOr<std::shared_ptr<const AuditSink>> AuditSink::Open(Kind kind, const std::string& syslog_path) {
  auto fd = kind == Kind::kJournal ? OpenJournal() : OpenSyslog(syslog_path);
  if (!fd.ok()) return fd.status();
  const int flags = fcntl(fd->get(), F_GETFL);
  if (flags < 0 || fcntl(fd->get(), F_SETFL, flags | O_NONBLOCK) != 0) return kit::ErrnoError("opening the audit's log");
  return std::shared_ptr<const AuditSink>(new AuditSink(kind, *std::move(fd)));
}

std::string AuditSink::Message(const effect::Entry& entry, const std::string& json) const {
  if (kind_ == Kind::kJournal) return absl::StrCat("<", Priority(entry), ">", json, "\n");
  return absl::StrCat("<", LOG_AUTHPRIV | Priority(entry), ">", Stamp(entry.wall_ns), " ", kName, "[", getpid(), "]: @cee: ", json);
}

}  // namespace belfry::cli
