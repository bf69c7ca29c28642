// The parts that one program plays. Each returns the process's exit code.
#ifndef BELFRY_DEMO_ACTOR_ROLES_H_
#define BELFRY_DEMO_ACTOR_ROLES_H_

#include <string>

namespace belfry::demo {

// The demo's SPIRE agent: starts the plugin, listens, serves until its control closes. `order` is JSON:
// {"socket","scratch","trust_domain","entries",["plugin","arguments","data"],["admin"]}; without "plugin" it attests
// by what /proc says, as SPIRE's built-in does.
int PlayAgent(int control, const std::string& order);

// Removes `folder` (and lazily unmounts what is mounted below it) once `lifeline` reads end of file.
int PlayJanitor(int lifeline, const std::string& folder);

}  // namespace belfry::demo

#endif  // BELFRY_DEMO_ACTOR_ROLES_H_
