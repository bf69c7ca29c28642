// The scenes of the demo, as data: what is played, what a security engineer would call it, how it must end.
#ifndef BELFRY_DEMO_SCENES_H_
#define BELFRY_DEMO_SCENES_H_

#include <string>
#include <vector>

#include "demo/result.h"
#include "demo/stage.h"

namespace belfry::demo {

// One scene while it is played. Its functions are in scenes_*.cc.
class Scenery {
 public:
  Scenery(Stage& stage, SceneResult& result) : stage_(stage), result_(result) {}

  Stage& stage() { return stage_; }
  Trouble& trouble() { return trouble_; }
  std::string socket(const std::string& guard = kGuard) const { return stage_.SocketOf(guard); }

  Player Enter(const std::vector<std::string>& words, const std::vector<std::string>& environment = {}) {
    return stage_.Enter(trouble_, words, environment);
  }
  // `who` asked for an identity on a connection that `opener` opened, and this came of it. Matched with what the agent
  // says about its last call or, where the connection was cut before anyone could ask, with the daemon's journal.
  void Asked(const std::string& who, const Player& opener, const Fetched& fetched, const std::string& guard = kGuard);
  void Note(const std::string& fact) { result_.notes.push_back(fact); }
  // What a descriptor's way to somebody else came to: -1 is in order only where the backend promises to refuse it.
  void Handed(int fd);
  // True if the scene can go on; else it is skipped, visibly.
  bool Needs(bool there, const std::string& what);
  SceneResult& result() { return result_; }

 private:
  Request AsWrittenDown(const Player& opener, const Fetched& fetched);

  Stage& stage_;
  SceneResult& result_;
  Trouble trouble_;
};

using ScenePlay = void (*)(Scenery&);

struct Scene {
  const char* name;
  const char* title;
  Expected expected;  // on backend "cgroup"
  ScenePlay play;
};

const std::vector<Scene>& Scenes();
SceneResult Play(const Scene& scene, Stage& stage);

void Honest(Scenery&);
void TwoHonest(Scenery&);
void Upgrade(Scenery&);
void LeaderGone(Scenery&);
void Spawning(Scenery&);
void AgentRestart(Scenery&);

void ExecSwap(Scenery&);
void ExecSwapThread(Scenery&);
void SlowExec(Scenery&);
void ScmRights(Scenery&);
void PidfdGetfd(Scenery&);
void OpenerExited(Scenery&);
void ZombieOpener(Scenery&);
void PidReuse(Scenery&);
void SecondConnect(Scenery&);

void ExeSwap(Scenery&);
void ForeignLoader(Scenery&);
void PrivateMount(Scenery&);
void Preload(Scenery&);
void PreloadWithheld(Scenery&);

}  // namespace belfry::demo

#endif  // BELFRY_DEMO_SCENES_H_
