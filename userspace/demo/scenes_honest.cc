// Scenes in which an honest workload must get its identity.
#include "demo/scenes.h"

namespace belfry::demo {
namespace {

constexpr int kClients = 50;
constexpr int kBeforeKill = 10;  // answers that must have come before the agent is killed: the rest is in flight

}  // namespace

void Honest(Scenery& scene) {
  Player payments = scene.Enter({scene.stage().payments()});
  scene.Asked("payments", payments, payments.Fetch(scene.socket()));
}

void TwoHonest(Scenery& scene) {
  Player payments = scene.Enter({scene.stage().payments()});
  Player billing = scene.Enter({scene.stage().billing()});
  scene.Asked("payments", payments, payments.Fetch(scene.socket()));
  scene.Asked("billing", billing, billing.Fetch(scene.socket()));
}

void Upgrade(Scenery& scene) {
  Player payments = scene.Enter({scene.stage().payments()});
  scene.Asked("payments, before", payments, payments.Fetch(scene.socket()));
  scene.trouble().Note(scene.stage().props().Upgrade("payments"));
  scene.Asked("payments, after", payments, payments.Fetch(scene.socket()));
}

void LeaderGone(Scenery& scene) {
  Player payments = scene.Enter({scene.stage().payments()});
  payments.Do({"leave-leader"});
  scene.Asked("payments", payments, payments.Fetch(scene.socket()));
}

void Spawning(Scenery& scene) {
  Player payments = scene.Enter({scene.stage().payments()});
  for (int reader = 0; reader < 4; ++reader) {
    payments.Do({"block", std::to_string(payments.Connect(scene.socket()))});
  }
  payments.Do({"spawn"});
  for (int turn = 1; turn <= 3; ++turn) {
    scene.Asked("payments, turn " + std::to_string(turn), payments, payments.Fetch(scene.socket()));
  }
  payments.Do({"stop-spawning"});
}

// All clients ask at once, the agent dies in between, and again: what counts is that nobody honest was ever refused.
void AgentRestart(Scenery& scene) {
  std::vector<Player> clients;
  for (int i = 0; i < kClients; ++i) clients.push_back(scene.Enter({scene.stage().payments()}));
  for (Player& client : clients) client.BeginFetchPatiently(scene.socket());
  if (!scene.trouble().any()) scene.trouble().Note(scene.stage().agent(kGuard).WaitForMany("answered", kBeforeKill));
  std::vector<Json> events = scene.stage().agent(kGuard).TakeEvents();
  scene.stage().agent(kGuard).Kill();
  scene.trouble().Note(scene.stage().StartAgent(kGuard));
  std::vector<Fetched> got;
  for (Player& client : clients) got.push_back(client.FinishFetch());
  for (Player& client : clients) client.BeginFetchPatiently(scene.socket());
  for (Player& client : clients) got.push_back(client.FinishFetch());
  if (scene.trouble().any()) return;
  scene.trouble().Note(scene.stage().agent(kGuard).Tell("settle"));
  for (Json& event : scene.stage().agent(kGuard).TakeEvents()) events.push_back(std::move(event));

  // One line for all of them: the first that was refused, or the last that went well. "Not yet" is no refusal: they
  // ask again, and must get it.
  Request line;
  int not_yet = 0;
  for (const Json& event : events) {
    if (event.value("event", "") != "answered") continue;
    Request one = RequestFrom(event);
    not_yet += one.verdict == "unavailable";
    if (one.verdict == "unavailable") continue;
    line = one;
    if (line.verdict != "sound") break;
  }
  line.who = "50 clients, twice each";
  if (not_yet > 0) scene.Note(std::to_string(not_yet) + " times the answer was \"not yet\", and was asked for again");
  int issued = 0;
  for (const Fetched& one : got) {
    issued += !one.identity.empty();
    line.identity = one.identity;
    if (!one.identity.empty()) continue;
    line.message = one.message;
    break;
  }
  scene.Note(std::to_string(issued) + " of " + std::to_string(got.size()) + " requests got an identity across the restart");
  scene.result().requests.push_back(line);
}

}  // namespace belfry::demo
