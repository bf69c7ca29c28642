// Scenes in which the image is not what its path and digest say, or carries code of someone else.

#include "demo/interpreter.h"
#include "demo/scenes.h"

namespace belfry::demo {
namespace {

constexpr char kUnshare[] = "/usr/bin/unshare";

bool HasUserNamespaces(Scenery& scene) {
  return scene.Needs(scene.stage().Try({kUnshare, "-Urm", "/bin/true"}) == 0,
                     "no user namespaces for unprivileged users here (unshare -Urm fails)");
}

void NoteForeignCode(Scenery& scene, Player& player) {
  const Json ran = player.Do({"foreign"});
  if (ran.is_boolean()) scene.Note(ran.get<bool>() ? "foreign code ran in payments" : "foreign code did NOT run");
}

void AskPreloaded(Scenery& scene, const std::string& guard) {
  Player payments = scene.Enter({scene.stage().payments()},
                                {"LD_PRELOAD=" + scene.stage().props().program("foreign.so")});
  NoteForeignCode(scene, payments);
  scene.Asked("payments, preloaded", payments, payments.Fetch(scene.socket(guard)), guard);
}

}  // namespace

void ExeSwap(Scenery& scene) {
  if (!HasUserNamespaces(scene)) return;
  Player impostor = scene.Enter({kUnshare, "-Ur", scene.stage().intruder()});
  impostor.Do({"swap-executable", scene.stage().payments()});
  scene.Asked("the impostor", impostor, impostor.Fetch(scene.socket()));
}

// The loader is the host's own with one string changed: it preloads what the attacker lists.
void ForeignLoader(Scenery& scene) {
  if (!HasUserNamespaces(scene)) return;
  auto loader = InterpreterOf(scene.stage().payments());
  if (!scene.Needs(loader.ok(), "payments has no loader: it was linked statically")) return;
  Player impostor = scene.Enter({kUnshare, "-Urm", scene.stage().intruder()});
  impostor.Do({"tmpfs", "/mnt"});  // its own; a path short enough for the loader's string
  impostor.Do({"patched-loader", *loader, "/mnt/loader", "/mnt/list", scene.stage().props().program("foreign.so")});
  impostor.Do({"bind", "/mnt/loader", *loader});
  impostor.Exec({scene.stage().payments()});
  NoteForeignCode(scene, impostor);
  scene.Asked("payments, under a foreign loader", impostor, impostor.Fetch(scene.socket()));
}

void PrivateMount(Scenery& scene) {
  if (!HasUserNamespaces(scene)) return;
  Player impostor = scene.Enter({kUnshare, "-Urm", scene.stage().intruder()});
  impostor.Do({"bind", scene.stage().intruder(), scene.stage().payments()});
  impostor.Exec({scene.stage().payments()});
  scene.Asked("the impostor at the trusted path", impostor, impostor.Fetch(scene.socket()));
}

void Preload(Scenery& scene) { AskPreloaded(scene, kGuard); }
void PreloadWithheld(Scenery& scene) { AskPreloaded(scene, kStrictGuard); }

}  // namespace belfry::demo
