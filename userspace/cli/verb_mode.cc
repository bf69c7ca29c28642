#include <CLI/CLI.hpp>
#include <memory>
#include <optional>
#include <vector>

#include "absl/strings/str_cat.h"
#include "cli/ask.h"
#include "cli/exits.h"
#include "cli/mode_override.h"
#include "cli/verbs.h"
#include "engine/guard_numbers.h"
#include "kernel/off_switch.h"
#include "verdict/facts.h"

namespace belfry::cli {
namespace {

constexpr char kBpffs[] = "/sys/fs/bpf";

struct Options {
  std::vector<std::string> words;  // GUARD MODE, or MODE with --all
  bool all = false;
  std::string bpffs = kBpffs;
};

// What a dead daemon left pinned goes on refusing until it is told, which only the kernel part's own map can.
absl::StatusOr<int> ReleasePinned(const std::string& guard, const std::string& bpffs, const std::string& run_dir) {
  if (guard.empty()) return kernel::LetPass(bpffs, std::nullopt);
  engine::GuardNumbers numbers(run_dir + "/guards.json");
  if (const absl::Status loaded = numbers.Load(); absl::IsNotFound(loaded)) return 0;  // nothing was ever pinned
  else if (!loaded.ok()) return loaded;
  const std::optional<uint32_t> number = numbers.Find(guard);
  return number ? kernel::LetPass(bpffs, *number) : 0;
}

// The off switch must work when nothing else does: without a daemon it is written down for the next one.
int WriteDown(const std::string& guard, const std::string& mode, const std::string& bpffs, Surroundings& surroundings) {
  const bool lets_pass = *verdict::ParseMode(mode) != verdict::Mode::kDeny;
  const absl::StatusOr<int> released = lets_pass ? ReleasePinned(guard, bpffs, surroundings.run_dir) : 0;
  const absl::StatusOr<std::string> path = WriteModeOverride(surroundings.run_dir, guard.empty() ? "*" : guard, mode);
  if (!path.ok()) return Fail(surroundings, path.status(), kFailed);
  if (!released.ok()) return Fail(surroundings, released.status(), kFailed);
  if (*released > 0) surroundings.out << "the kernel part refuses nothing any more for " << *released << " of them, from now on\n";
  surroundings.out << Plain(absl::StrCat(guard.empty() ? "all guards" : guard, ": ", mode, ", once belfryd starts"))
                   << "\n"
                   << Paragraph(absl::StrCat("belfryd is not running, so this was written to ", *path,
                                             " and holds from its next start until you change it. ",
                                             "A running plugin keeps the mode it was told last."),
                                surroundings.screen, 2);
  return kDone;
}

int SetMode(const Options& options, Surroundings& surroundings) {
  if (options.words.size() != (options.all ? 1u : 2u)) {
    return Fail(surroundings,
                absl::InvalidArgumentError("setting a mode: say `belfry mode GUARD MODE` or `belfry mode --all MODE`"),
                kUsage);
  }
  const std::string guard = options.all ? "" : options.words[0];
  const std::string& mode = options.words.back();
  if (!verdict::ParseMode(mode)) {
    return Fail(surroundings,
                absl::InvalidArgumentError(
                    absl::StrCat("setting a mode: there is no mode ", mode, "; use observe, warn or deny")),
                kUsage);
  }
  absl::StatusOr<Daemon> daemon = Daemon::Reach(surroundings.run_dir);
  if (absl::IsUnavailable(daemon.status())) return WriteDown(guard, mode, options.bpffs, surroundings);
  if (!daemon.ok()) return Fail(surroundings, daemon.status(), kFailed);
  v1::SetModeRequest request;
  request.set_guard(guard);
  request.set_mode(mode);
  const auto reply = daemon->Ask(&v1::Admin::Stub::SetMode, request);
  if (!reply.ok()) return Fail(surroundings, reply.status(), kFailed);
  for (const std::string& changed : reply->changed()) surroundings.out << Plain(changed) << ": " << mode << "\n";
  if (reply->changed().empty()) surroundings.out << "nothing to change\n";
  return kDone;
}

}  // namespace

void AddMode(CLI::App& app, Surroundings& surroundings, int& exit) {
  auto options = std::make_shared<Options>();
  CLI::App* verb = app.add_subcommand("mode", "set a guard to observe, warn or deny; works without a daemon too");
  // One name: CLI11 from 2.4 on refuses a space in it.
  verb->add_option("GUARD", options->words, "the guard's name, then the mode; with --all only the mode")->required();
  verb->add_flag("--all", options->all, "every guard");
  verb->add_option("--bpffs", options->bpffs, "where belfryd pinned its programs, if not /sys/fs/bpf")->type_name("DIR");
  verb->footer("Exit: 0 done, 1 refused. `belfry mode --all observe` is the off switch.");
  verb->callback([options, &surroundings, &exit] { exit = SetMode(*options, surroundings); });
}

}  // namespace belfry::cli
