#include "plugin/settings.h"

#include <optional>
#include <utility>

namespace belfry::plugin {

Settings::Settings(Arguments arguments, Keepsake& keepsake, Hclog& log)
    : arguments_(std::move(arguments)), keepsake_(keepsake), log_(log) {
  const std::optional<std::string> kept = keepsake_.Configuration();
  if (!kept) return;
  if (absl::Status status = Apply(*kept); !status.ok()) {
    log_.Write(LogLevel::kError, "the configuration of the worker that crashed is lost",
               {{"error", status.ToString()}});
  }
}

Settings::~Settings() {
  if (current_) current_->daemon->Stop();
}

absl::Status Settings::Configure(std::string_view text) {
  const std::lock_guard lock(configuring_);
  if (absl::Status status = Apply(text); !status.ok()) return status;
  keepsake_.KeepConfiguration(text);
  return absl::OkStatus();
}

absl::Status Settings::Apply(std::string_view text) {
  absl::StatusOr<ReadConfiguration> read = ReadConfigurationText(text, arguments_.profile);
  if (!read.ok()) return read.status();
  for (const std::string& warning : read->warnings) log_.Write(LogLevel::kWarn, warning);
  auto next = std::make_shared<InForce>();
  next->configuration = read->configuration;
  next->daemon = DaemonClient::Open(next->configuration.attest_socket, arguments_.guard, next->configuration.deadline,
                                    [this](verdict::Mode mode) { HearMode(mode); });
  std::shared_ptr<const InForce> last = std::move(next);
  {
    const std::lock_guard lock(mutex_);
    current_.swap(last);
  }
  if (last) last->daemon->Stop();
  return absl::OkStatus();
}

absl::StatusOr<std::vector<std::string>> Settings::Validate(std::string_view text) const {
  absl::StatusOr<ReadConfiguration> read = ReadConfigurationText(text, arguments_.profile);
  if (!read.ok()) return read.status();
  return std::move(read->warnings);
}

std::shared_ptr<const Settings::InForce> Settings::Current() const {
  const std::lock_guard lock(mutex_);
  return current_;
}

verdict::Mode Settings::Mode(const Configuration& configuration) const {
  return keepsake_.Mode().value_or(configuration.assume);
}

void Settings::HearMode(verdict::Mode mode) {
  {
    const std::lock_guard lock(mutex_);
    if (keepsake_.Mode() == mode) return;
    keepsake_.KeepMode(mode);
  }
  log_.Write(LogLevel::kInfo, "the guard's mode, as belfryd tells it", {{"mode", verdict::ModeName(mode)}});
}

}  // namespace belfry::plugin
