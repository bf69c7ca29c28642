// belfry-demo-actor: the cast of `belfry demo`. It is started by the demo only.
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>

#include "demo/actor/moves.h"
#include "demo/actor/roles.h"

namespace {

int Act(int control) {
  belfry::demo::Actor actor;
  actor.control = control;
  if (!belfry::demo::SendPacket(control, {{"ok", true}, {"value", getpid()}}).ok()) return 1;
  const int code = belfry::demo::Play(actor);
  _exit(code);  // threads of the scene may still be blocked; they end with the process
}

}  // namespace

int main(int argc, char** argv) {
  const std::string role = argc >= 3 ? argv[1] : "";
  const int control = argc >= 3 ? atoi(argv[2]) : -1;
  if (control >= 0) fcntl(control, F_SETFD, FD_CLOEXEC);
  if (role == "act") return Act(control);
  if (role == "agent" && argc == 4) return belfry::demo::PlayAgent(control, argv[3]);
  if (role == "janitor" && argc == 4) return belfry::demo::PlayJanitor(control, argv[3]);
  fprintf(stderr, "belfry-demo-actor is started by `belfry demo`; by hand it does nothing.\n");
  return 1;
}
