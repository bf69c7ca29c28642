// A process that is not the opener and tries everything with its stream: what refuses must be seen to refuse.
//
// Blocks for as long as a child takes for a dozen system calls that cannot wait. Loop thread only.
#ifndef BELFRY_ENGINE_STRANGER_H_
#define BELFRY_ENGINE_STRANGER_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace belfry::engine {

// Sends, receives, takes over, shuts down, sets and asks on `client`, a connected stream of ours; in a forked child.
absl::Status TryEverything(int client);

// Connects to `path` in a child that exits then, and keeps the client's end; `listener` accepts. The error of the
// server's send: 0 if it went through.
absl::StatusOr<int> AnswerTheDead(int listener, const std::string& path);

// Connects to `path` once, or twice, in a child; `listener` lets go of what it gets. The error of the last: 0 if it got
// through.
absl::StatusOr<int> ConnectOnce(int listener, const std::string& path);
absl::StatusOr<int> ConnectTwice(int listener, const std::string& path);

}  // namespace belfry::engine

#endif  // BELFRY_ENGINE_STRANGER_H_
