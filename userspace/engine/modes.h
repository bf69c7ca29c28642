// The mode of each guard: what the file says, what the operator says over it, and the off switch over both.
//
// In run_dir: modes.json says what holds now (written at each change), mode.override.json what the operator wants over
// the configuration (by `belfry mode`, with or without a daemon). Both are {"schema":1,"guards":{"NAME":"deny"}},
// replaced by rename. Loop thread only.
#ifndef BELFRY_ENGINE_MODES_H_
#define BELFRY_ENGINE_MODES_H_

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "engine/backend_limits.h"
#include "engine/guard.h"

namespace belfry::engine {

using ModesByName = std::map<std::string, verdict::Mode>;

// NotFound: no such file. InvalidArgument: not of that shape; then nothing of it holds.
absl::StatusOr<ModesByName> ReadModes(const std::string& file);
absl::Status WriteModes(const std::string& file, const ModesByName& modes);

class Modes {
 public:
  // `disarmed`: why nothing may be refused on this machine (host/machine.h); then every guard observes.
  // A guard that cannot deny on `backend` warns instead.
  Modes(std::string run_dir, Guards& guards, std::optional<std::string> disarmed, BackendTraits backend)
      : run_dir_(std::move(run_dir)), guards_(guards), disarmed_(std::move(disarmed)), backend_(std::move(backend)) {}

  // Gives every guard its mode and writes modes.json. A broken override is reported and does not hold.
  absl::Status Apply();

  // Empty name: every guard. Returns whose mode changed. NotFound: no such guard. FailedPrecondition: disarmed, or it cannot deny here.
  absl::StatusOr<std::vector<std::string>> Set(const std::string& guard, verdict::Mode mode);

  const std::optional<std::string>& disarmed() const { return disarmed_; }

 private:
  std::string File(const char* name) const { return run_dir_ + "/" + name; }
  absl::Status WriteNow() const;
  verdict::Mode Kept(const Guard& guard, verdict::Mode mode) const;

  const std::string run_dir_;
  Guards& guards_;
  const std::optional<std::string> disarmed_;
  const BackendTraits backend_;
};

}  // namespace belfry::engine

#endif  // BELFRY_ENGINE_MODES_H_
