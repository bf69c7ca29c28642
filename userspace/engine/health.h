// Is what Belfry promises kept right now? Findings with remedies, and their sum: "kept", "degraded" or "blind".
#ifndef BELFRY_ENGINE_HEALTH_H_
#define BELFRY_ENGINE_HEALTH_H_

#include "belfry/v1/admin.pb.h"
#include "engine/engine.h"

namespace belfry::engine {

// Fills health and findings of a reply whose programs and canaries are there already. Loop thread only.
void JudgeHealth(Engine& engine, v1::StatusReply& reply);

}  // namespace belfry::engine

#endif  // BELFRY_ENGINE_HEALTH_H_
