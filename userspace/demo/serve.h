// The demo's Workload API without scenes, for a SPIFFE client of one's own: `belfry demo --scene serve`.
#ifndef BELFRY_DEMO_SERVE_H_
#define BELFRY_DEMO_SERVE_H_

#include "demo/demo.h"
#include "demo/props.h"

namespace belfry::demo {

inline constexpr char kServe[] = "serve";

// Prints where it serves and what is registered, then waits for a signal. The program that $BELFRY_DEMO_CLIENT names is
// registered as spiffe://demo.belfry/client by path and digest, whoever runs it. Returns the program's exit code.
int Serve(const Programs& programs, const DemoOptions& options);

}  // namespace belfry::demo

#endif  // BELFRY_DEMO_SERVE_H_
