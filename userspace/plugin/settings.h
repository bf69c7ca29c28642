// The configuration in force, with the daemon client that belongs to it, and the mode in force.
//
// Thread-safe. A configuration that is refused changes nothing. Both outlive the worker through the keepsake.
#ifndef BELFRY_PLUGIN_SETTINGS_H_
#define BELFRY_PLUGIN_SETTINGS_H_

#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "plugin/configuration.h"
#include "plugin/daemon_client.h"
#include "plugin/hclog.h"
#include "plugin/keepsake.h"

namespace belfry::plugin {

// What the command line said.
struct Arguments {
  std::string guard;  // empty: the guard whose listener started us
  Profile profile = Profile::kUnix;
};

class Settings {
 public:
  struct InForce {
    Configuration configuration;
    std::shared_ptr<DaemonClient> daemon;
  };

  // `keepsake` and `log` must outlive it. Takes up what an earlier worker left in the keepsake.
  Settings(Arguments arguments, Keepsake& keepsake, Hclog& log);
  ~Settings();

  absl::Status Configure(std::string_view text);
  // The warnings of a text that would be taken.
  absl::StatusOr<std::vector<std::string>> Validate(std::string_view text) const;

  std::shared_ptr<const InForce> Current() const;  // null: not configured
  // The mode last told by the daemon, else what the configuration assumes.
  verdict::Mode Mode(const Configuration& configuration) const;
  void HearMode(verdict::Mode mode);

 private:
  absl::Status Apply(std::string_view text);

  const Arguments arguments_;
  Keepsake& keepsake_;
  Hclog& log_;
  std::mutex configuring_;    // one Configure at a time
  mutable std::mutex mutex_;  // guards current_ and the mode's last change
  std::shared_ptr<const InForce> current_;
};

}  // namespace belfry::plugin

#endif  // BELFRY_PLUGIN_SETTINGS_H_
