// Bytes of the ring in, events out. Total: whatever the bytes are, the answer is an event or a count.
//
// The words of an event are wire.h's own, made safe to read: fixed texts end in NUL, used lengths fit their arrays.
// They are still the workload's words: escape them before a person or JSON sees them.
// Not thread-safe (the counts); Text and Arguments are pure.
#ifndef BELFRY_EVIDENCE_DECODE_H_
#define BELFRY_EVIDENCE_DECODE_H_

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string_view>
#include <variant>
#include <vector>

#include "belfry/wire.h"

namespace belfry::evidence {

// belfry_event_connect is CONNECT, UNRECORDED and BARRED: its header's kind tells.
using Event = std::variant<belfry_event_exec, belfry_event_fork, belfry_event_exit, belfry_event_connect,
                           belfry_event_taint, belfry_event_listener, belfry_event_refused, belfry_event_tampered, belfry_event_tcp, belfry_event_limited>;

struct DecodeCounts {
  uint64_t decoded = 0;
  uint64_t malformed = 0;  // too short, or a size that is not that of its kind
  uint64_t unknown = 0;    // a kind that this version does not know
};

class Decoder {
 public:
  // One whole record, header first. nullopt: counted as malformed or unknown.
  std::optional<Event> Decode(std::span<const std::byte> record);

  const DecodeCounts& counts() const { return counts_; }

 private:
  DecodeCounts counts_;
};

// A fixed text field up to its first NUL; all of it if there is none.
template <size_t N>
std::string_view Text(const char (&field)[N]) {
  return {field, strnlen(field, N)};
}

const char* UseName(uint32_t use);  // of enum belfry_use: "send", "receive", ...

// The arguments of an exec, NUL separated on the wire. Views into `argv`.
std::vector<std::string_view> Arguments(std::string_view argv);

}  // namespace belfry::evidence

#endif  // BELFRY_EVIDENCE_DECODE_H_
