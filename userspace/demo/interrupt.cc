#include "demo/interrupt.h"

#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cstdint>
#include <initializer_list>

namespace belfry::demo {
namespace {

volatile sig_atomic_t bell = -1;
volatile sig_atomic_t rung = 0;

void Ring(int) {
  rung = 1;
  const uint64_t one = 1;
  (void)!write(bell, &one, sizeof one);
}

}  // namespace

void CatchInterrupts() {
  bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  struct sigaction action {};
  action.sa_handler = Ring;
  for (int one : {SIGINT, SIGTERM, SIGHUP}) sigaction(one, &action, nullptr);
  signal(SIGPIPE, SIG_IGN);
}

int InterruptFd() { return bell; }
bool Interrupted() { return rung != 0; }

}  // namespace belfry::demo
