// The configuration as read: one YAML file in, plain values out, or every mistake in it.
//
// Nothing is half-applied: either the whole file is understood or none of it is. Each mistake is one line of
// `FILE:LINE:COLUMN: found ..., expected ...; did you mean ...?`, lines and columns counted from 1.
// Pure but for LoadConfig, which reads the file. Thread-safe.
#ifndef BELFRY_ENGINE_CONFIG_H_
#define BELFRY_ENGINE_CONFIG_H_

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "belfry/wire.h"
#include "host/user_names.h"
#include "kit/endpoint.h"
#include "service/loopback.h"
#include "verdict/facts.h"
#include "verdict/rules.h"

namespace belfry::engine {

// Who may serve a guarded path; what is absent is not asked.
struct ListenerRule {
  std::string exe;  // as the process's own root names it
  std::optional<uint32_t> uid;
  bool activated_by_systemd = false;  // listen(2) may have been called by PID 1
};

struct GuardedSocket {
  std::string role;  // "unix", "workload", "admin", "broker", "tcp"
  std::string path;  // absolute, at most kSunPathLimit bytes; or "@name", abstract; of "tcp" what EndpointText says
  std::optional<kit::Endpoint> endpoint;  // of "tcp"
};
// What says that two are one: "//a/../b" is "/b", while an abstract name is nothing but its bytes.
std::string PlainName(const std::string& path);

enum class Preexisting { kAdopt, kReset };

struct DaemonLoss {
  bool hold = false;
  std::chrono::seconds observe_after{600};  // if not hold
};

// How many connects of one uid, cgroup or image a guard takes: so many in a period, so many at once.
struct ConnectLimit {
  belfry_per per = BELFRY_PER_NOBODY;
  uint32_t count = 0;
  char period = 's';  // s, m or h
  uint32_t burst = 0;

  bool operator==(const ConnectLimit&) const = default;
};
std::string LimitText(const ConnectLimit& limit);  // "20/s per uid, burst 50"

struct GuardConfig {
  verdict::GuardPolicy policy;  // name, mode and what the verdict needs
  bool agent = false;           // a SPIRE agent's guard
  std::vector<GuardedSocket> sockets;
  ListenerRule listener;
  std::shared_ptr<const verdict::Rules> rules;  // null: everyone may connect
  std::optional<ConnectLimit> limit;            // nullopt: as often as they want
  uint32_t require = 0;  // taints that the backend must be able to see
  std::optional<Preexisting> preexisting;
  std::optional<DaemonLoss> on_daemon_loss;
  bool delegated_exec = false;
  std::optional<bool> full_refuses;  // in deny, whom there is no room to record; nullopt: those of an agent
  bool allow_sqpoll = false;  // io_uring's SQPOLL threads may use a connection: who submits to them is not known
  int line = 0;

  bool is_port() const { return !sockets.empty() && sockets.front().endpoint.has_value(); }
};

// Where metrics are answered.
struct MetricsConfig {
  std::string path;  // of the unix socket, unless tcp is set
  std::optional<uint32_t> gid;  // who may read there besides root
  std::optional<service::LoopbackAddress> tcp;

  bool operator==(const MetricsConfig&) const = default;
};

struct Config {
  std::string file;
  std::string run_dir = "/run/belfry";
  std::string bpffs = "/sys/fs/bpf";
  bool pin = true;
  bool host_is_self = false;
  bool refuse_splice = false;
  std::optional<MetricsConfig> metrics;  // nullopt: nowhere
  std::vector<GuardConfig> guards;
};

// struct sockaddr_un has 108 bytes, the last one is the terminating NUL.
inline constexpr size_t kSunPathLimit = 107;
inline constexpr size_t kConfigBytesLimit = 16 << 20;
inline constexpr size_t kRulesLimit = 100'000;   // of all guards; an alias may repeat a list without end
inline constexpr size_t kValuesLimit = 1'000'000;  // in all rules, likewise

absl::StatusOr<Config> ParseConfig(const std::string& file, const std::string& text, const host::Accounts& accounts);
absl::StatusOr<Config> LoadConfig(const std::string& file, const host::Accounts& accounts);

// What a guard does where the file says nothing (design 4): an agent's guard in deny resets what it did not see open.
Preexisting PreexistingPolicy(const GuardConfig& guard, verdict::Mode mode);

}  // namespace belfry::engine

#endif  // BELFRY_ENGINE_CONFIG_H_
