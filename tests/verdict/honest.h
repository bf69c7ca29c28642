// One honest process with one honest connection, as facts: what every verdict test starts from and then breaks.
#ifndef BELFRY_VERDICT_HONEST_H_
#define BELFRY_VERDICT_HONEST_H_

#include "support/fake_kernel.h"
#include "verdict/facts.h"

namespace belfry::verdict {

inline constexpr uint32_t kTgid = 100;
inline constexpr uint64_t kCookie = 7;

inline ConnectionFacts ConnectionOf(const belfry_pin& opener, const belfry_file_id& exe, uint64_t cookie = kCookie) {
  ConnectionFacts connection;
  connection.cookie = cookie;
  connection.record = support::Connection(opener, exe);
  connection.holders_searched = true;
  return connection;
}

inline Facts HonestFacts() {
  const belfry_pin pin = support::Pin(kTgid, 1000, 3);
  const belfry_file_id image = support::File(42, 8, 1);
  Facts facts;
  facts.asked_pid = kTgid;
  facts.tgid = kTgid;
  facts.live = support::Live(pin, image);
  facts.process = support::Process(pin, image);
  facts.connections = {ConnectionOf(pin, image)};
  const belfry_creds user{.cap_effective = 0, .cap_permitted = 0, .uid = 1000, .euid = 1000, .gid = 1000, .egid = 1000};
  facts.live->creds = facts.connections[0].record.creds = user;
  facts.live_after = facts.live;
  return facts;
}

// Changes the process as it is now, in both looks.
template <typename Change>
void Now(Facts& facts, Change change) {
  change(*facts.live);
  change(*facts.live_after);
}

}  // namespace belfry::verdict

#endif  // BELFRY_VERDICT_HONEST_H_
