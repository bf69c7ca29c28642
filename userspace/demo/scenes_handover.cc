// Scenes in which a connection is used by someone else than the process that its number now names.
#include <utility>

#include "demo/scenes.h"
#include "demo/slow_file.h"

namespace belfry::demo {

void ExecSwap(Scenery& scene) {
  Player opener = scene.Enter({scene.stage().intruder()});
  const int fd = opener.Connect(scene.socket());
  Player accomplice = opener.Fork();
  opener.Exec({scene.stage().payments()});
  scene.Asked("the accomplice", opener, accomplice.FetchOver(fd));
}

void ExecSwapThread(Scenery& scene) {
  Player opener = scene.Enter({scene.stage().intruder()});
  const int fd = opener.Connect(scene.socket());
  Player accomplice = opener.Fork();
  opener.ExecFromThread({scene.stage().payments()});
  scene.Asked("the accomplice", opener, accomplice.FetchOver(fd));
}

// The exec is held in the close of a slow file: /proc shows payments, the exec id is still the intruder's.
void SlowExec(Scenery& scene) {
  auto slow = SlowFile::Mount(scene.stage().props().At("slow"));
  if (!scene.Needs(slow.ok(), std::string(slow.status().message()))) return;
  Player opener = scene.Enter({scene.stage().intruder()});
  const int fd = opener.Connect(scene.socket());
  Player accomplice = opener.Fork();
  opener.Do({"open", (*slow)->path()});
  opener.BeginExec({scene.stage().payments()});
  if (!scene.trouble().any() && !(*slow)->WaitForClose(20000)) {
    scene.trouble().Note(absl::InternalError("hold an exec in a slow close: the close never came"));
  }
  accomplice.BeginFetchOver(fd);
  // Where the accomplice may not even send, no question comes. Who reads /proc for its verdict is held by the slow file too: for stock the question itself has to be the event.
  const std::string event = scene.stage().with_belfry() ? "judged" : "asked";
  if (!scene.trouble().any() && !scene.stage().refuses_use())
    scene.trouble().Note(scene.stage().agent(kGuard).WaitFor(event, opener.pid()));
  (*slow)->LetGo();
  opener.FinishExec();
  scene.Asked("the accomplice", opener, accomplice.FinishFetch());
}

void ScmRights(Scenery& scene) {
  Player opener = scene.Enter({scene.stage().intruder()});
  Player accomplice = scene.Enter({scene.stage().intruder()});
  int taken = -1;
  opener.HandOver(opener.Connect(scene.socket()), accomplice, &taken);
  scene.Handed(taken);
  opener.Exec({scene.stage().payments()});
  scene.Asked("the accomplice", opener, accomplice.FetchOver(taken));
}

void PidfdGetfd(Scenery& scene) {
  Player opener = scene.Enter({scene.stage().intruder()});
  Player accomplice = scene.Enter({scene.stage().intruder()});
  opener.Do({"let-in"});
  const int fd = opener.Connect(scene.socket());
  const int taken = accomplice.TakeFrom(opener, fd);
  scene.Handed(taken);
  opener.Exec({scene.stage().payments()});
  scene.Asked("the accomplice", opener, accomplice.FetchOver(taken));
}

void OpenerExited(Scenery& scene) {
  Player opener = scene.Enter({scene.stage().intruder()});
  const int fd = opener.Connect(scene.socket());
  // Stock SPIRE would refuse at accept whoever is gone by then: the scene is about later.
  if (!scene.trouble().any()) scene.trouble().Note(scene.stage().agent(kGuard).WaitFor("accepted", opener.pid()));
  Player heir = opener.Fork();
  opener.Exit();
  opener.Reap();
  scene.Asked("the heir", opener, heir.FetchOver(fd));
}

void ZombieOpener(Scenery& scene) {
  Player opener = scene.Enter({scene.stage().payments()});
  const int fd = opener.Connect(scene.socket());
  Player heir = opener.Fork();
  opener.Exit();  // and is not collected before the scene ends
  scene.Asked("the heir", opener, heir.FetchOver(fd));
}

// SPIRE reads the start time at accept: what happens between connect and accept is invisible to it.
void PidReuse(Scenery& scene) {
  Agent& agent = scene.stage().agent(kGuard);
  Player opener = scene.Enter({scene.stage().intruder()});
  scene.trouble().Note(agent.Tell("hold"));
  const int fd = opener.Connect(scene.socket());
  Player heir = opener.Fork();
  const pid_t number = opener.pid();
  opener.Exit();
  opener.Reap();
  Player payments = scene.stage().Enter(scene.trouble(), {scene.stage().payments()}, {}, number);
  absl::Status let_go = agent.Tell("let-go");  // also after trouble: later scenes need the door open
  scene.trouble().Note(let_go);
  scene.Asked("the heir", opener, heir.FetchOver(fd));
}

void SecondConnect(Scenery& scene) {
  Player opener = scene.Enter({scene.stage().intruder()});
  const int fd = opener.Connect(scene.socket());
  Player accomplice = opener.Fork();
  accomplice.ConnectAgain(fd, scene.socket());
  opener.Exec({scene.stage().payments()});
  scene.Asked("the accomplice", opener, accomplice.FetchOver(fd));
}

}  // namespace belfry::demo
