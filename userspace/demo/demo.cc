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

std::vector<const Scene*> Chosen(const std::string& name) {
  std::vector<const Scene*> chosen;
  for (const Scene& scene : Scenes()) {
    if (name.empty() || name == scene.name) chosen.push_back(&scene);
  }
  return chosen;
}

std::string Names() {
  std::vector<std::string> names;
  for (const Scene& scene : Scenes()) names.push_back(scene.name);
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

}  // namespace

int Run(const DemoOptions& options) {
  const std::vector<const Scene*> chosen = Chosen(options.scene);
  if (chosen.empty()) {
    return Complain("no scene is called " + kit::Escape(options.scene) + "; there are " + Names());
  }
  if (geteuid() != 0) return Complain("it starts belfryd, which watches the kernel; run it as root");
  CatchInterrupts();
  if (options.spire) return RunAgainstSpire(options);
  const Look look = LookOf(STDOUT_FILENO);
  if (!options.json) Print(stdout, "Starting belfryd, an agent that loads belfry-spire-plugin, and a Workload API ...\n");
  auto programs = FindPrograms();
  if (!programs.ok()) return Complain(std::string(programs.status().message()));
  auto stage = Stage::Set(*programs);
  if (!stage.ok()) return Complain(std::string(stage.status().message()));
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

}  // namespace belfry::demo
