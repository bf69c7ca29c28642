// What a guard's rules say of one process, field by field. Reads the world, changes nothing. Loop thread only.
#ifndef BELFRY_ENGINE_POLICY_STORY_H_
#define BELFRY_ENGINE_POLICY_STORY_H_

#include <cstdint>

#include "belfry/v1/admin.pb.h"
#include "engine/engine.h"
#include "service/questions.h"

namespace belfry::engine {

// `tgid`: of the asked process in the initial namespace, 0 if it has none. Of one that is connected to the guard, as it
// was when it connected; of any other, as it is now. NotFound: no such guard, or no living process.
void TellPolicy(Engine& engine, const v1::PolicyRequest& request, uint32_t tgid, const service::Done<v1::PolicyReply>& done);

}  // namespace belfry::engine

#endif  // BELFRY_ENGINE_POLICY_STORY_H_
