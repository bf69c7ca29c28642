#include "demo/scenes.h"

namespace belfry::demo {
namespace {

constexpr int kRefusalMs = 5000;  // a bound: a refusal is written down at about the time its asker sees the end

Expected Issued(std::vector<std::string> identity = {"payments"}, std::vector<std::string> noted = {}) {
  return {"sound", {}, std::move(identity), std::move(noted)};
}
Expected Withheld(std::vector<std::string> reasons) { return {"withheld", std::move(reasons), {""}, {}}; }
// Sound as a process, but its path and digest prove nothing, so they are not said and no entry matches.
Expected WithoutPath() { return {"sound", {}, {""}, {}}; }

std::vector<Scene> Rows() {
  return {
      {"honest", "The payments service opens the socket itself and asks for its identity.", Issued(), Honest},
      {"two-honest", "Two services of one UID are told apart by path and digest; each gets its own identity.",
       Issued({"payments", "billing"}), TwoHonest},
      {"upgrade", "A package upgrade renames a new file over the running executable; the service keeps its identity.",
       Issued(), Upgrade},
      {"leader-gone", "The main thread has ended, the service lives on in its other threads.", Issued(), LeaderGone},
      {"spawning", "A service with threads blocked in read spawns children without pause while it asks.", Issued(),
       Spawning},
      {"exec-swap", "An impostor connects, leaves the socket to an accomplice, then becomes the trusted program.",
       Withheld({"exec_after_connect"}), ExecSwap},
      {"exec-swap-thread", "The same swap, made by a thread that is not the leader.",
       Withheld({"exec_after_connect"}), ExecSwapThread},
      {"slow-exec", "The same swap, asked in the middle of the exec: /proc already shows the new image.",
       Withheld({"exec_after_connect", "fd_transferred"}), SlowExec},
      {"scm-rights", "The impostor sends the connected socket to an accomplice, then becomes the trusted program.",
       Withheld({"exec_after_connect", "fd_transferred"}), ScmRights},
      {"pidfd-getfd", "The accomplice takes the connected socket out of the impostor, who becomes the trusted program.",
       Withheld({"exec_after_connect", "fd_transferred"}), PidfdGetfd},
      {"opener-exited", "Whoever opened the socket is gone; its child asks on the inherited descriptor.",
       Withheld({"opener_exited", "no_such_process"}), OpenerExited},
      {"zombie-opener", "Whoever opened the socket is a zombie that its parent never collects.",
       Withheld({"opener_exited", "no_such_process"}), ZombieOpener},
      {"pid-reuse", "The opener exits before it is accepted, and the trusted program gets its process number.",
       Withheld({"opener_exited", "exec_after_connect", "fd_transferred"}), PidReuse},
      {"second-connect", "A child connects the connected socket once more to rewrite who opened it, then the swap.",
       Withheld({"exec_after_connect", "ambiguous"}), SecondConnect},
      {"exe-swap", "An unprivileged process swaps its executable without any exec, then connects.",
       Withheld({"exe_replaced"}), ExeSwap},
      {"foreign-loader", "The host's own trusted binary, started under a loader that the attacker brought along.",
       WithoutPath(), ForeignLoader},
      {"private-mount", "Another file at the trusted path, in a mount namespace of the attacker's own.", WithoutPath(),
       PrivateMount},
      {"preload", "LD_PRELOAD into the trusted binary: its own doing or not, it is shown.",
       Issued({"payments"}, {"untrusted_code"}), Preload},
      {"preload-withheld", "The same under a guard that says withhold_on: [untrusted_code].",
       Withheld({"untrusted_code"}), PreloadWithheld},
      {"agent-restart", "The agent is killed and started again under 50 connecting clients; all get their identity.",
       Issued(), AgentRestart},
  };
}

}  // namespace

const std::vector<Scene>& Scenes() {
  static const std::vector<Scene> rows = Rows();
  return rows;
}

// What the daemon wrote down about it: for a request that never arrived, or arrived at an agent that tells nothing.
Request Scenery::AsWrittenDown(const Player& opener, const Fetched& fetched) {
  Request request;
  request.proc = ProcSaysFrom(stage_.StockSays(opener.pid()));
  request.verdict = fetched.identity.empty() ? "not_asked" : "sound";
  request.message = fetched.message;
  if (stage_.chronicle() == nullptr || !fetched.identity.empty()) return request;
  request.reasons = stage_.chronicle()->AwaitRefusal(opener.pid(), kRefusalMs);
  if (!request.reasons.empty()) request.verdict = "withheld";
  return request;
}

// The call has ended for its asker, but the agent's side may still be at its last word: settle first.
void Scenery::Asked(const std::string& who, const Player& opener, const Fetched& fetched, const std::string& guard) {
  if (trouble_.any()) return;
  std::vector<Json> events;
  if (!stage_.on_spire()) {
    trouble_.Note(stage_.agent(guard).Tell("settle"));
    events = stage_.agent(guard).TakeEvents();
  }
  bool arrived = false;
  Request request;
  for (const Json& event : events) {
    if (event.value("event", "") != "answered" || event.value("pid", 0) != opener.pid()) continue;
    request = RequestFrom(event);
    arrived = true;
  }
  if (!arrived) {
    request = AsWrittenDown(opener, fetched);
    request.cut_first = !stage_.on_spire() && request.verdict == "withheld";
  }
  request.who = who;
  request.identity = fetched.identity;
  result_.requests.push_back(request);
}

void Scenery::Handed(int fd) {
  if (fd >= 0 || trouble_.any()) return;
  if (stage_.refuses_use()) return Note("the kernel did not let the descriptor arrive");
  trouble_.Note(absl::AbortedError("hand over a descriptor: it did not arrive"));
}

bool Scenery::Needs(bool there, const std::string& what) {
  if (!there && result_.skipped.empty()) result_.skipped = what;
  return there;
}

SceneResult Play(const Scene& scene, Stage& stage) {
  SceneResult result;
  result.name = scene.name;
  result.title = scene.title;
  result.expected = scene.expected;
  Scenery scenery(stage, result);
  scene.play(scenery);
  if (scenery.trouble().any()) result.trouble = std::string(scenery.trouble().first.message());
  result.ok = result.skipped.empty() && Differs(result).empty();
  return result;
}

}  // namespace belfry::demo
