// What plugin_data says, judged by its own text alone: the daemon may be absent, files are not looked at.
//
// Errors are InvalidArgument with line and column. Pure; thread-safe. Keys and decoding are those of SPIRE's built-in
// `unix` (spire-facts 3) and ours; names match without regard to case; a later setting of one name wins.
#ifndef BELFRY_PLUGIN_CONFIGURATION_H_
#define BELFRY_PLUGIN_CONFIGURATION_H_

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "verdict/facts.h"

namespace belfry::plugin {

enum class Profile { kUnix, kBelfry };

struct Configuration {
  bool discover_workload_path = false;
  int64_t workload_size_limit = 0;              // bytes; 0: none; negative: no digest
  verdict::Mode assume = verdict::Mode::kDeny;  // until the daemon has told a mode: deny or observe
  std::string attest_socket = "/run/belfry/attest.sock";
  std::chrono::milliseconds deadline{2000};  // of one question to the daemon
  Profile profile = Profile::kUnix;
};

struct ReadConfiguration {
  Configuration configuration;
  std::vector<std::string> warnings;  // unknown names, one line each
};

// `profile` is what the command line said; plugin_data may say otherwise.
absl::StatusOr<ReadConfiguration> ReadConfigurationText(std::string_view text, Profile profile);

}  // namespace belfry::plugin

#endif  // BELFRY_PLUGIN_CONFIGURATION_H_
