// One thing that happened and who did it: what the journal writes, what followers read, what belfry audit shows.
//
// Every text is raw bytes as the kernel or a file said it, chosen by whoever is described: entry_json.h and the renderers
// escape. Values; those behind shared pointers never change. Empty and zero fields mean "not known" or "does not apply".
#ifndef BELFRY_EFFECT_ENTRY_H_
#define BELFRY_EFFECT_ENTRY_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "host/cgroups.h"

namespace belfry::effect {

// A process by what it runs.
struct Program {
  std::string exe;     // path of the executable; of a script, of its interpreter
  std::string script;  // as it was executed
  std::string comm;
};

struct Ancestor {
  uint32_t pid = 0;
  Program program;
};

// What is known of a process as of its exec. One object serves every line about that exec.
struct Who {
  Program program;
  std::vector<std::string> args;  // as of exec, possibly cut
  // "exec": the kernel told it as it happened; "backfilled": read from /proc afterwards; "connect": only what the connect
  // itself said.
  std::string known_by;
  std::vector<Ancestor> parents;  // nearest first
};

// One end of a TCP connection.
struct Address {
  std::string ip;  // empty: there is none
  uint16_t port = 0;
};

// Who held the listening socket when last looked, and so may have accepted.
struct Server {
  uint32_t pid = 0;
  std::string exe;
};

struct Entry {
  std::string action;    // event.action: "connect", "refused", "taint", "withheld", "cut", "impostor_listener", ...
  std::string outcome;   // event.outcome: "success", "failure"
  uint64_t time_ns = 0;  // CLOCK_BOOTTIME; 0: now
  uint64_t wall_ns = 0;  // CLOCK_REALTIME of time_ns; the journal fills it in
  std::string guard;
  std::string socket;  // path of the guarded socket
  uint32_t pid = 0;
  uint64_t pid_start_ns = 0;
  std::optional<uint32_t> uid, gid;
  std::string user, group;  // their names, where there are
  Address source, destination;    // of TCP: the client's end, the server's
  std::vector<Server> served_by;  // of TCP
  std::string comm;
  std::string path;
  std::shared_ptr<const Who> who;
  std::shared_ptr<const host::Home> home;
  std::vector<std::string> reasons;
  std::string verdict;  // so far: "sound", "withheld", "own" (the guard's listener itself)
  std::string rule;     // of the policy, that decided
  bool elsewhere = false;  // the host's paths do not mean there what they mean here
  bool violation = false;  // deny refuses or cuts it, or would
  std::string message;
  std::string mode;
  uint64_t cookie = 0;
  std::string kernel_program;  // of "lost": whose records
  uint64_t count = 0;          // of "lost" and "dropped": how many
  uint64_t connects = 0;       // of "dropped": how many of them were connects
};

}  // namespace belfry::effect

#endif  // BELFRY_EFFECT_ENTRY_H_
