#include "demo/spire.h"

#include <cstdio>

namespace belfry::demo {

int RunAgainstSpire(const DemoOptions&) {
  fputs("belfry demo --spire: no spire-server here\n", stderr);
  return 2;
}

}  // namespace belfry::demo
