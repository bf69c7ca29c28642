// A process that traces another and writes into its memory, both of our own making: what sees it must be seen to see it.
//
// Blocks for as long as two children take for a few system calls. Loop thread only: the thread that attaches waits.
#ifndef BELFRY_ENGINE_DEBUGGER_H_
#define BELFRY_ENGINE_DEBUGGER_H_

#include "absl/status/status.h"

namespace belfry::engine {

// Attaches to a child and writes into it both ways; a second child asks to be traced.
absl::Status TryTampering();

}  // namespace belfry::engine

#endif  // BELFRY_ENGINE_DEBUGGER_H_
