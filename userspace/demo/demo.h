// `belfry demo`: honest and hostile scenes against an embedded Workload API or a real SPIRE, each with what /proc says,
// what Belfry says and who got an identity. Prints to stdout (the story or one JSON object), trouble to stderr.
#ifndef BELFRY_DEMO_DEMO_H_
#define BELFRY_DEMO_DEMO_H_

#include <string>

namespace belfry::demo {

struct DemoOptions {
  bool spire = false;  // run against spire-server and spire-agent found on PATH instead of the embedded Workload API
  std::string scene;   // only this one; empty: all
  bool json = false;
};

// Returns the exit code of the program: 0 when every scene ended as this backend promises.
int Run(const DemoOptions& options);

}  // namespace belfry::demo

#endif  // BELFRY_DEMO_DEMO_H_
