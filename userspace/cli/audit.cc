#include "cli/audit.h"

#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "cli/amounts.h"
#include "cli/exits.h"
#include "effect/entry_json.h"

namespace belfry::cli {
namespace {

constexpr std::chrono::milliseconds kGrace{2000};  // for a reader that is slow when we are told to stop

}  // namespace

AuditOutput::AuditOutput(const AuditOptions& options, Surroundings& surroundings, std::function<void()> closed)
    : options_(options),
      surroundings_(surroundings),
      lines_(surroundings.screen, isatty(STDOUT_FILENO) == 1, options.tree),
      outlet_({.fd = options.sink ? options.sink->fd() : STDOUT_FILENO,
               .datagrams = options.sink && options.sink->datagrams(),
               .prelude = options.json ? "" : lines_.Header(),
               .render = [this](const OutletLine& line) { return Render(line); },
               .idle = options.json ? std::function<std::string()>() : [this] { return folds_.Due(AuditFolds::Clock::now()); },
               .closed = std::move(closed)}) {}

bool AuditOutput::Take(const OutletLine& line, kit::Urgency urgency) {
  if (!options_.filter.Wants(*line.entry)) return true;
  if (line.entry->violation) violation_ = true;
  if (options_.instead) {
    summary_.Count(*line.entry);
    options_.instead(*line.entry);
    return true;
  }
  return outlet_.Offer(line, urgency);
}

// People are shown what the JSON says: escaped once, whether the line came from here or from a daemon.
std::string AuditOutput::Render(const OutletLine& line) {
  if (options_.json) {
    summary_.Count(*line.entry);
    const std::string json = line.json.empty() ? effect::ToJson(*line.entry) : line.json;
    return options_.sink ? options_.sink->Message(*line.entry, json) : json + "\n";
  }
  const std::optional<effect::Entry> shown =
      line.json.empty() ? effect::FromJson(effect::ToJson(*line.entry)) : *line.entry;
  if (!shown) return "";
  summary_.Add(*shown);
  const auto now = AuditFolds::Clock::now();
  std::string due = folds_.Due(now);
  return folds_.Tells(*shown, now) ? due + lines_.Line(*shown) : due;
}

void AuditOutput::Ready(const std::string& watching) {
  surroundings_.err << "belfry: " << watching << std::endl;
}

void AuditOutput::Drain() { outlet_.Drain(kGrace); }

int AuditOutput::End(uint64_t missed) {
  const uint64_t not_written = outlet_.Finish(kGrace) + missed;
  if (!outlet_.status().ok()) return Fail(surroundings_, outlet_.status(), kFailed);
  if (not_written > 0 && !closed())
    surroundings_.err << "belfry: the reader of the output was too slow: " << Counted(not_written, "line")
                      << " not written\n";
  if (!options_.json && not_written == 0 && !closed()) surroundings_.out << folds_.Rest();
  const std::string table = options_.json ? "" : summary_.Table(surroundings_.screen);
  if (!table.empty() && not_written == 0 && !closed()) surroundings_.out << "\n" << table << std::flush;
  surroundings_.err << "belfry: " << summary_.Totals() << std::endl;
  return options_.fail && violation_ ? kViolation : kDone;
}

kit::OwnedFd StopSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGTERM, SIGINT}) sigaddset(&signals, signal);
  sigprocmask(SIG_BLOCK, &signals, nullptr);
  signal(SIGPIPE, SIG_IGN);
  return kit::OwnedFd(signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK));
}

}  // namespace belfry::cli
