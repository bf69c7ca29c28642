// SIGINT, SIGTERM and SIGHUP as an event that every wait of the demo sees, so that a stopped demo still tidies up.
// One per process, since signal dispositions are the process's. The readers are thread-safe.
#ifndef BELFRY_DEMO_INTERRUPT_H_
#define BELFRY_DEMO_INTERRUPT_H_

namespace belfry::demo {

void CatchInterrupts();   // call once, before the first wait
int InterruptFd();        // readable for good after the first signal; -1 when they are not caught
bool Interrupted();

}  // namespace belfry::demo

#endif  // BELFRY_DEMO_INTERRUPT_H_
