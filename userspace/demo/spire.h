// The same scenes against a real spire-server and spire-agent, once with Belfry's plugin and once as stock.
#ifndef BELFRY_DEMO_SPIRE_H_
#define BELFRY_DEMO_SPIRE_H_

#include "demo/demo.h"

namespace belfry::demo {

// Returns the program's exit code; 2 where no SPIRE is found.
int RunAgainstSpire(const DemoOptions& options);

}  // namespace belfry::demo

#endif  // BELFRY_DEMO_SPIRE_H_
