// The process that answers: gRPC's services on the supervisor's listening socket. May crash; the next one takes over.
#ifndef BELFRY_PLUGIN_WORKER_H_
#define BELFRY_PLUGIN_WORKER_H_

#include <sys/types.h>

#include "plugin/handshake.h"
#include "plugin/hclog.h"
#include "plugin/keepsake.h"
#include "plugin/settings.h"

namespace belfry::plugin {

// All must outlive it. `host`: who started the supervisor. Returns the exit code: 0 once the host asked for the end.
// The caller must leave with _exit: threads that a filesystem holds are not waited for.
int RunWorker(const Door& door, const Arguments& arguments, pid_t host, Keepsake& keepsake, Hclog& log);

}  // namespace belfry::plugin

#endif  // BELFRY_PLUGIN_WORKER_H_
