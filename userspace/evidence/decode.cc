#include "evidence/decode.h"

#include <algorithm>

namespace belfry::evidence {
namespace {

template <size_t N>
void End(char (&field)[N]) {
  field[N - 1] = '\0';
}

void MakeSafe(belfry_process& process) {
  End(process.comm);
  End(process.filename);
}
void MakeSafe(belfry_event_exec& event) {
  MakeSafe(event.process);
  event.argv_bytes = std::min<uint32_t>(event.argv_bytes, BELFRY_ARGV_BYTES);
}
void MakeSafe(belfry_event_fork& event) { MakeSafe(event.child); }
void MakeSafe(belfry_event_connect& event) { End(event.connection.comm); }
void MakeSafe(belfry_event_tcp& event) { End(event.connection.comm); }
void MakeSafe(belfry_event_exit&) {}
void MakeSafe(belfry_event_taint&) {}
void MakeSafe(belfry_event_listener&) {}
void MakeSafe(belfry_event_refused& event) { End(event.comm); }
void MakeSafe(belfry_event_tampered& event) { End(event.comm); }
void MakeSafe(belfry_event_limited& event) { End(event.connection.comm); }

// Copied, not cast: the ring aligns to 8 bytes, a test's or a recording's bytes to nothing.
template <typename Body>
std::optional<Event> As(std::span<const std::byte> record) {
  if (record.size() != sizeof(Body)) return std::nullopt;
  Body body;
  memcpy(&body, record.data(), sizeof body);
  MakeSafe(body);
  return body;
}

using Reader = std::optional<Event> (*)(std::span<const std::byte>);

// By enum belfry_kind; null: no body is defined for it yet.
constexpr Reader kReaders[BELFRY_KIND_MAX] = {
    nullptr,
    As<belfry_event_exec>,      // EXEC
    As<belfry_event_fork>,      // FORK
    As<belfry_event_exit>,      // EXIT
    As<belfry_event_connect>,   // CONNECT
    As<belfry_event_taint>,     // TAINT
    As<belfry_event_listener>,  // LISTENER
    As<belfry_event_connect>,   // UNRECORDED
    As<belfry_event_tcp>,       // TCP_CONNECT
    As<belfry_event_refused>,   // REFUSED
    As<belfry_event_tampered>,  // TAMPERED
    As<belfry_event_limited>,   // LIMITED
    As<belfry_event_connect>,   // BARRED
    As<belfry_event_tcp>,       // TCP_BARRED
};

}  // namespace

std::optional<Event> Decoder::Decode(std::span<const std::byte> record) {
  belfry_header header{};
  if (record.size() < sizeof header) {
    ++counts_.malformed;
    return std::nullopt;
  }
  memcpy(&header, record.data(), sizeof header);
  if (header.kind >= BELFRY_KIND_MAX || kReaders[header.kind] == nullptr) {
    ++counts_.unknown;
    return std::nullopt;
  }
  std::optional<Event> event = header.size == record.size() ? kReaders[header.kind](record) : std::nullopt;
  ++(event ? counts_.decoded : counts_.malformed);
  return event;
}

const char* UseName(uint32_t use) {
  constexpr const char* kNames[BELFRY_USE_MAX] = {"send",     "receive",    "transfer", "shutdown",
                                                  "setsockopt", "ioctl", "answer", "limit", "connect"};
  return use < BELFRY_USE_MAX ? kNames[use] : "unknown";
}

std::vector<std::string_view> Arguments(std::string_view argv) {
  std::vector<std::string_view> out;
  if (!argv.empty() && argv.back() == '\0') argv.remove_suffix(1);
  while (!argv.empty()) {
    const size_t end = std::min(argv.find('\0'), argv.size());
    out.push_back(argv.substr(0, end));
    if (end == argv.size()) break;
    argv.remove_prefix(end + 1);
    if (argv.empty()) out.emplace_back();
  }
  return out;
}

}  // namespace belfry::evidence
