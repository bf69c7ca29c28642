// What an actor can do when the director says so: one function per verb, found in one table.
// Every move answers on the actor's control; a move that replaces or ends the process answers by what comes next.
// Used by one thread at a time: the one that reads the control.
#ifndef BELFRY_DEMO_ACTOR_MOVES_H_
#define BELFRY_DEMO_ACTOR_MOVES_H_

#include <atomic>
#include <functional>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/statusor.h"
#include "demo/wire.h"

namespace belfry::demo {

struct Actor {
  int control = -1;
  std::vector<int> held;             // descriptors taken over from packets, by number
  std::vector<std::thread> threads;  // spawners and blocked readers; the process's end is theirs
  std::atomic<bool> spawning{false};
};

struct Move {
  Actor& actor;
  const std::vector<std::string>& words;  // words[0] is the verb
  kit::OwnedFd passed;
};

using MoveFunction = std::function<absl::StatusOr<Json>(Move&)>;
using MoveTable = std::map<std::string, MoveFunction>;

const MoveTable& SocketMoves();   // connect, connect-again, take, give, receive, getfd
const MoveTable& ProcessMoves();  // fork, exec, exec-thread, open, leave-leader, spawn, block, exit
const MoveTable& ImageMoves();    // tmpfs, bind, patched-loader, swap-executable, foreign
const MoveTable& FetchMoves();    // fetch, fetch-over, fetch-patiently

// Serves the control until it closes or the actor leaves. Returns the process's exit code.
int Play(Actor& actor);

}  // namespace belfry::demo

#endif  // BELFRY_DEMO_ACTOR_MOVES_H_
