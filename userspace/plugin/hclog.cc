#include "plugin/hclog.h"

#include <grpc/support/log.h>
#include <poll.h>
#include <unistd.h>

#include <cstdio>

#include "kit/escape.h"
#include "kit/utc_text.h"

namespace belfry::plugin {
namespace {

constexpr size_t kLineLimit = 4000;  // below PIPE_BUF (4096)
constexpr size_t kMessageLimit = 1024;
constexpr size_t kValueLimit = 512;
constexpr const char* kLevelNames[] = {"debug", "info", "warn", "error"};

std::string Timestamp(std::chrono::system_clock::time_point at) {
  const auto micros = std::chrono::duration_cast<std::chrono::microseconds>(at.time_since_epoch()).count();
  char fraction[16];
  snprintf(fraction, sizeof fraction, ".%06ldZ", static_cast<long>(micros % 1'000'000));
  return kit::UtcText(static_cast<uint64_t>(micros) * 1000) + fraction;
}

// kit::Escape leaves neither control bytes nor broken UTF-8: only quote and backslash remain to be written for JSON.
std::string Quoted(absl::string_view text, size_t limit) {
  std::string out = "\"";
  for (const char c : kit::Escape(std::string_view(text.data(), text.size()), limit)) {
    if (c == '"' || c == '\\') out.push_back('\\');
    out.push_back(c);
  }
  return out + "\"";
}

// The one place that gRPC 1.51 gives for a receiver of its log: a function without context.
std::atomic<Hclog*> grpc_log{nullptr};

void WriteGrpcLine(gpr_log_func_args* args) {
  Hclog* log = grpc_log.load();
  if (log == nullptr || args->severity == GPR_LOG_SEVERITY_DEBUG) return;
  log->Write(args->severity == GPR_LOG_SEVERITY_ERROR ? LogLevel::kWarn : LogLevel::kDebug, args->message,
             {{"source", "grpc"}});
}

}  // namespace

std::string HclogLine(LogLevel level, absl::string_view message, const LogFields& fields,
                      std::chrono::system_clock::time_point at) {
  std::string line = std::string("{\"@level\":\"") + kLevelNames[static_cast<int>(level)] +
                     "\",\"@message\":" + Quoted(message, kMessageLimit) + ",\"@module\":\"belfry\",\"@timestamp\":\"" +
                     Timestamp(at) + "\"";
  for (const auto& [key, value] : fields) {
    const std::string field = "," + Quoted(key, 64) + ":" + Quoted(value, kValueLimit);
    if (line.size() + field.size() + 2 > kLineLimit) break;
    line += field;
  }
  return line + "}\n";
}

void Hclog::Write(LogLevel level, absl::string_view message, const LogFields& fields) {
  pollfd ready{.fd = fd_, .events = POLLOUT, .revents = 0};
  if (poll(&ready, 1, 0) != 1 || (ready.revents & POLLOUT) == 0) {
    ++dropped_;
    return;
  }
  const uint64_t dropped = dropped_.exchange(0);
  LogFields all = fields;
  if (dropped > 0) all.emplace_back("dropped", std::to_string(dropped));
  const std::string line = HclogLine(level, message, all, std::chrono::system_clock::now());
  if (write(fd_, line.data(), line.size()) != static_cast<ssize_t>(line.size())) dropped_ += dropped + 1;
}

void SendGrpcLogTo(Hclog* log) {
  grpc_log = log;
  gpr_set_log_function(WriteGrpcLine);
}

}  // namespace belfry::plugin
