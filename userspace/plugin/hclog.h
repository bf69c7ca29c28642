// The plugin's log, as hashicorp/go-plugin reads it: one JSON object of strings a line, on stderr.
//
// SPIRE's adapter panics on a value of another type and takes a timestamp without exactly six fractional digits for
// text (spire-facts 4.4), so nothing else is ever written. A line is shorter than PIPE_BUF: writes of two processes or
// threads do not mix. A log must not hold up an answer: what a full pipe does not take is dropped, and the next line
// that is taken says how many (`dropped`). Thread-safe.
#ifndef BELFRY_PLUGIN_HCLOG_H_
#define BELFRY_PLUGIN_HCLOG_H_

#include <sys/types.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"

namespace belfry::plugin {

using LogFields = std::vector<std::pair<const char*, std::string>>;

enum class LogLevel { kDebug, kInfo, kWarn, kError };

// One line with its newline, below 4096 bytes whatever the arguments; values are escaped, long ones cut.
std::string HclogLine(LogLevel level, absl::string_view message, const LogFields& fields,
                      std::chrono::system_clock::time_point at);

class Hclog {
 public:
  // Does not own `fd`.
  explicit Hclog(int fd) : fd_(fd) {}

  void Write(LogLevel level, absl::string_view message, const LogFields& fields = {});

 private:
  const int fd_;
  std::atomic<uint64_t> dropped_{0};
};

// gRPC's own words become lines of `log`, which must outlive every use of gRPC in this process.
void SendGrpcLogTo(Hclog* log);

}  // namespace belfry::plugin

#endif  // BELFRY_PLUGIN_HCLOG_H_
