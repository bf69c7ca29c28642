// The seam to the kernel: what the rest of Belfry may ask of the programs and maps, in the words of wire.h.
//
// One implementation talks to libbpf (kernel/bpf_kernel.h), one is a fake for tests (tests/support/fake_kernel.h).
// Not thread-safe: owned by the loop thread. Errors name the object that failed and the remedy.
// Process numbers are those of the initial pid namespace, except in Translate.
#ifndef BELFRY_KERNEL_KERNEL_H_
#define BELFRY_KERNEL_KERNEL_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "belfry/wire.h"

namespace belfry::kernel {

struct ConnectionEntry {
  uint64_t cookie = 0;  // of the client's end
  belfry_connection record{};
  bool alive = true;        // false: both ends are gone, the record may be forgotten
  bool client_open = true;  // false: nobody can speak on it any more; the server may still read what came before
  bool closing = false;     // one has the client's end: maybe its opener, which ended and is yet to close it
};

// A name under which a guarded socket is bound: filesystem and components below that filesystem's root; or an abstract one.
struct GuardedName {
  uint32_t guard = 0;
  uint32_t socket = 0;  // index within the guard
  uint32_t dev = 0;     // s_dev; of an abstract name its network namespace's inode number
  std::string path;     // absolute within the filesystem: "/spire/agent/public/api.sock"; or "@name"
};

// A guarded TCP port of our own network namespace, as it is reached.
struct GuardedPort {
  uint32_t guard = 0;
  uint32_t socket = 0;       // index within the guard
  belfry_address address{};  // zero: at any
  uint16_t port = 0;
};

// A guard's rules as the programs read them (belfry/rules.h). Never changed: others get another number.
struct PolicyRules {
  uint64_t number = 0;
  belfry_policy policy{};
  std::vector<std::pair<belfry_rule_key, belfry_rule_bits>> values;  // whose keys name no policy
};

// What the programs do for a guard (wire.h, belfry_guard).
struct GuardOrders {
  uint32_t guard = 0;
  belfry_guard orders{};
  std::shared_ptr<const PolicyRules> rules = nullptr;  // of the number in `orders`; null: 0
};

// A process that serves a guard by its listener rule.
struct GuardServer {
  uint32_t guard = 0;
  belfry_pin server{};  // number and start: its exec id is no part of it
};

struct ProgramCounters {
  std::string name;  // as in bpf/: "process_exec"; "limit" and "rules" are of connects held against them, whoever records them
  uint64_t seen = 0, sent = 0, ignored = 0, lost_ring = 0, lost_map = 0;
  uint64_t refused = 0;   // how often it said no
  uint64_t missed = 0;    // recursion_misses: the kernel did not run the program
  bool attached = false;  // its link is live now
};

class Kernel {
 public:
  virtual ~Kernel() = default;

  // ---- the event stream: informs, never decides ----
  // Readable when there is something to hurry for, or much of the rest. Execs, forks and exits of processes that neither
  // opened a guarded connection nor serve one come without waking anybody: drain every few seconds too.
  virtual int RingFd() const = 0;
  // Calls sink for every whole record now in the ring; each span starts with belfry_header and is valid in the call only.
  virtual absl::Status Drain(const std::function<void(std::span<const std::byte>)>& sink) = 0;

  // ---- state: decides ----
  virtual std::optional<belfry_process> Process(uint32_t tgid) = 0;
  virtual absl::StatusOr<belfry_live> Live(uint32_t tgid) = 0;  // NotFound: no such process; nothing else says so
  virtual absl::StatusOr<std::vector<belfry_live>> AllLive() = 0;
  virtual std::optional<belfry_connection> Connection(uint64_t cookie) = 0;
  // This one record, and whether its ends are still there; at no more cost than that. nullopt: no such record.
  virtual std::optional<ConnectionEntry> Examine(uint64_t cookie) = 0;
  // Every record, of any guard, whose opener bears this number: complete, whatever the ring lost.
  virtual absl::StatusOr<std::vector<ConnectionEntry>> ConnectionsOf(uint32_t tgid) = 0;
  virtual absl::StatusOr<std::vector<ConnectionEntry>> AllConnections() = 0;
  // Ends of guarded sockets in the descriptor tables of `tgid`, or of every process if 0.
  virtual absl::StatusOr<std::vector<belfry_socket>> Sockets(uint32_t tgid) = 0;
  // Holders of these client ends: every descriptor slot of every process. Empty `cookies` finds nothing.
  virtual absl::StatusOr<std::vector<belfry_socket>> HoldersOf(std::span<const uint64_t> cookies) = 0;
  // What our own descriptor is, by the kernel's word and not by stat's.
  virtual absl::StatusOr<belfry_described_file> Describe(int fd) = 0;
  // The initial-namespace number of what `asker` (a number of ours) calls `pid`; nullopt: unknown there.
  virtual std::optional<uint32_t> Translate(uint32_t asker, int32_t pid) = 0;

  // ---- what userspace tells the kernel ----
  virtual absl::Status SetGuardedNames(std::span<const GuardedName> names) = 0;  // atomic for each name
  virtual absl::Status SetGuardedPorts(std::span<const GuardedPort> ports) = 0;  // likewise
  // Of our own network namespace, beside the loopback ones: where a guarded port is ours and not another machine's.
  virtual absl::Status SetOwnAddresses(std::span<const belfry_address> addresses) = 0;
  // What is refused for each guard; a guard that is not named observes. Takes effect at once, guard by guard, each connect
  // judged by rules as a whole, of before or of now.
  virtual absl::Status SetOrders(std::span<const GuardOrders> orders) = 0;
  // What the facts of an opener are held against.
  virtual absl::Status SetRuleSettings(const belfry_rule_settings& settings) = 0;
  // Whom no limit or rule concerns, beside whoever called listen(2).
  virtual absl::Status SetServers(std::span<const GuardServer> servers) = 0;
  // The daemon lives: guards with a limit on its silence go on denying.
  virtual absl::Status SignOfLife() = 0;
  // Sets bits for good; NotFound if there is no such record.
  virtual absl::Status Taint(uint64_t cookie, uint32_t bits) = 0;
  virtual absl::Status Insert(uint64_t cookie, const belfry_connection& record) = 0;  // for what a snapshot found
  virtual absl::Status Forget(uint64_t cookie) = 0;
  // What an earlier daemon of another layout left behind and still refuses, is taken away: once ours refuses as much.
  virtual absl::Status RetireOthers() = 0;

  // ---- what is live ----
  virtual std::vector<ProgramCounters> Counters() = 0;
  virtual const std::string& BackendName() const = 0;             // "bpf_lsm", "fmod_ret", "cgroup"
  virtual const std::vector<std::string>& StepsDown() const = 0;  // why each better backend was not taken
  virtual bool RefusesUse() const = 0;  // others cannot use a stream unseen: nobody needs to be searched for; connects too
  virtual uint32_t BlindTo() const = 0;                           // bits of enum belfry_taint this backend cannot see
};

}  // namespace belfry::kernel

#endif  // BELFRY_KERNEL_KERNEL_H_
