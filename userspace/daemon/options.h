// belfryd's command line.
#ifndef BELFRY_DAEMON_OPTIONS_H_
#define BELFRY_DAEMON_OPTIONS_H_

#include <optional>
#include <string>

namespace belfry::daemon {

// Exit codes are a fixed surface: scripts and units depend on them.
inline constexpr int kExitDone = 0;
inline constexpr int kExitBadConfiguration = 2;
inline constexpr int kExitCannotGuard = 3;

struct Options {
  std::string config = "/etc/belfry/belfry.yaml";
  std::string bpffs = "/sys/fs/bpf";  // for uninstall, which needs no configuration
  bool check = false;
  bool uninstall = false;
};

// nullopt: `exit_code` is what to end with at once (--help, --version, a mistake).
std::optional<Options> ParseOptions(int argc, char** argv, int& exit_code);

}  // namespace belfry::daemon

#endif  // BELFRY_DAEMON_OPTIONS_H_
