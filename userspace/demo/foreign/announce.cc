// Foreign code in a trusted process: says so in the environment before main runs, and does nothing else.
#include <stdlib.h>

namespace {
__attribute__((constructor)) void Announce() { setenv("BELFRY_DEMO_FOREIGN_CODE", "ran", 1); }
}  // namespace
