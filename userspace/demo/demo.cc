#include "demo/demo.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <vector>

#include "absl/strings/str_join.h"
#include "demo/interrupt.h"
#include "demo/scenes.h"
#include "demo/serve.h"
#include "demo/spire.h"
#include "demo/story.h"
#include "kit/escape.h"

namespace belfry::demo {
namespace {

constexpr int kNotOk = 1;
constexpr int kCannot = 2;
constexpr int kStopped = 130;  // as a shell has it for SIGINT

Look LookOf(int fd) {
  Look look;
  winsize size{};
  const char* columns = getenv("COLUMNS");
  if (ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) look.width = size.ws_col;
  else if (columns != nullptr && atoi(columns) > 0) look.width = atoi(columns);
  const char* plain = getenv("NO_COLOR");
  look.color = isatty(fd) && (plain == nullptr || *plain == '\0');
  return look;
}

void Print(FILE* to, const std::string& text) {
  fputs(text.c_str(), to);
  fflush(to);
}

int Complain(const std::string& what) {
  Print(stderr, "belfry demo: " + what + "\n");
  return kCannot;
}

std::vector<const Scene*> Offered(const DemoOptions& options) {
  if (options.spire) return ScenesForSpire();
  std::vector<const Scene*> all;
  for (const Scene& scene : Scenes()) all.push_back(&scene);
  return all;
}

// Empty if `name` is none of them.
std::vector<const Scene*> Chosen(const std::vector<const Scene*>& offered, const std::string& name) {
  std::vector<const Scene*> chosen;
  for (const Scene* scene : offered) {
    if (name.empty() || name == scene->name) chosen.push_back(scene);
  }
  return chosen;
}

std::string Names(const std::vector<const Scene*>& scenes) {
  std::vector<std::string> names;
  for (const Scene* scene : scenes) names.push_back(scene->name);
  return absl::StrJoin(names, ", ");
}

int Report(const std::vector<SceneResult>& results, const std::string& backend, const DemoOptions& options) {
  if (options.json) {
    Print(stdout, ReportJson(backend, results).dump(2, ' ', false, Json::error_handler_t::replace) + "\n");
  } else {
    Print(stdout, TellAll(results, backend, LookOf(STDOUT_FILENO)));
  }
  for (const SceneResult& result : results) {
    if (!result.ok && result.skipped.empty()) return kNotOk;
  }
  return 0;
}

// Each scene is told as soon as it has been played.
int RunEmbedded(const Programs& programs, const std::vector<const Scene*>& chosen, const DemoOptions& options) {
  const Look look = LookOf(STDOUT_FILENO);
  if (!options.json) Print(stdout, "Starting belfryd, an agent that loads belfry-spire-plugin, and a Workload API ...\n");
  auto stage = Stage::Set({.programs = programs});
  if (!stage.ok()) return Interrupted() ? kStopped : Complain(std::string(stage.status().message()));
  std::vector<SceneResult> results;
  for (const Scene* scene : chosen) {
    const int number = static_cast<int>(results.size()) + 1;
    if (options.json && isatty(STDERR_FILENO)) Print(stderr, std::string(scene->name) + " ...\n");
    results.push_back(Play(*scene, **stage));
    if (Interrupted()) return kStopped;
    if (!options.json) Print(stdout, TellScene(results.back(), number, static_cast<int>(chosen.size()), look));
  }
  return Report(results, (*stage)->backend(), options);
}

// The comparison is told when both halves have been played; until then one line a scene shows how far it is.
int RunOnSpire(const Programs& programs, const std::vector<const Scene*>& chosen, const DemoOptions& options) {
  const bool quiet = options.json && !isatty(STDERR_FILENO);
  auto played = PlayOnSpire(programs, chosen, [&](const std::string& line) {
    if (!quiet) Print(options.json ? stderr : stdout, line + "\n");
  });
  if (Interrupted()) return kStopped;
  if (!played.ok()) return Complain(std::string(played.status().message()));
  for (size_t i = 0; i < played->results.size() && !options.json; ++i) {
    Print(stdout, TellScene(played->results[i], static_cast<int>(i) + 1, static_cast<int>(chosen.size()),
                            LookOf(STDOUT_FILENO)));
  }
  return Report(played->results, played->backend, options);
}

}  // namespace

int Run(const DemoOptions& options) {
  const std::vector<const Scene*> offered = Offered(options);
  const std::vector<const Scene*> chosen = Chosen(offered, options.scene);
  const bool serve = options.scene == kServe && !options.spire;
  if (chosen.empty() && !serve) {
    return Complain("no scene is called " + kit::Escape(options.scene) + "; there are " + Names(offered) +
                    (options.spire ? "" : ", and serve: the Workload API for a client of your own"));
  }
  if (geteuid() != 0) return Complain("it starts belfryd, which watches the kernel; run it as root");
  auto programs = FindPrograms();
  if (!programs.ok()) return Complain(std::string(programs.status().message()));
  CatchInterrupts();
  if (serve) return Serve(*programs, options);
  return options.spire ? RunOnSpire(*programs, chosen, options) : RunEmbedded(*programs, chosen, options);
}

}  // namespace belfry::demo
