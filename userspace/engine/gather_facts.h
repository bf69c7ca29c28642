// Reads everything the verdict needs from kernel state, in the order that facts.h fixes. Never from the event stream:
// the answer is the same whether or not the ring has been drained.
// Synchronous, loop thread only. Errors: a map or an iterator could not be read; then there is no verdict.
#ifndef BELFRY_ENGINE_GATHER_FACTS_H_
#define BELFRY_ENGINE_GATHER_FACTS_H_

#include <cstdint>
#include <map>
#include <set>

#include "absl/status/statusor.h"
#include "engine/guard.h"
#include "evidence/gaps.h"
#include "kernel/kernel.h"
#include "verdict/facts.h"

namespace belfry::engine {

struct Gathered {
  verdict::Facts facts;
  // The server's ends that were seen, by the cookie under which `facts` lists their connection. A socket that never had
  // a cookie is listed under kNoCookie | its inode, so that it can be told apart and cut.
  std::map<uint64_t, belfry_socket> server_ends;
};

// What was learnt before and belongs to the facts.
struct Already {
  uint32_t iterator_references = 0;  // as for SearchHolders
  // Connections that were shut down. They carry nothing any more, so they count only where there is no other: then
  // they are why there is no identity.
  const std::set<uint64_t>* ended = nullptr;
};

inline constexpr uint64_t kNoCookie = BELFRY_COOKIE_NONE_BIT;  // cookies count up from 1 and never get there
uint64_t KeyOf(const belfry_socket& server_end);  // what the client's record is keyed by, or the stand-in

// tgid 0: nobody. `asked_pid` is carried along as the asker named it.
absl::StatusOr<Gathered> GatherFacts(kernel::Kernel& kernel, const Guard& guard, const evidence::Gaps& gaps,
                                     int64_t asked_pid, uint32_t tgid, const Already& already = {});

}  // namespace belfry::engine

#endif  // BELFRY_ENGINE_GATHER_FACTS_H_
