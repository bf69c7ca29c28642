// belfry-spire-plugin: the workload attestor that spire-agent starts.
#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "kit/error.h"
#include "plugin/handshake.h"
#include "plugin/hclog.h"
#include "plugin/keepsake.h"
#include "plugin/stale_doors.h"
#include "plugin/supervisor.h"
#include "plugin/worker.h"

namespace belfry::plugin {
namespace {

constexpr char kWhatItIs[] =
    "belfry-spire-plugin is a workload attestor plugin of the SPIRE agent; it is not run by hand.\n"
    "In agent.conf, instead of the built-in `unix`:\n"
    "  WorkloadAttestor \"unix\" {\n"
    "    plugin_cmd = \"/usr/libexec/belfry/belfry-spire-plugin\"\n"
    "    plugin_args = [\"--guard=NAME\"]   # only where a node has several agents\n"
    "    plugin_data { discover_workload_path = true }\n"
    "  }\n"
    "Arguments: --guard=NAME, --profile=unix|belfry. See belfryd(8) for the daemon that it asks.\n";

absl::StatusOr<Arguments> ReadArguments(int count, char** values) {
  Arguments arguments;
  for (int i = 1; i < count; ++i) {
    absl::string_view argument = values[i];
    if (absl::ConsumePrefix(&argument, "--guard=")) {
      arguments.guard = std::string(argument);
    } else if (argument == "--profile=unix" || argument == "--profile=belfry") {
      arguments.profile = argument == "--profile=unix" ? Profile::kUnix : Profile::kBelfry;
    } else {
      return kit::Error(absl::StatusCode::kInvalidArgument, absl::StrCat("reading plugin_args: ", values[i]),
                        "not an argument of this plugin", "use --guard=NAME or --profile=unix|belfry");
    }
  }
  return arguments;
}

absl::Status Greet(const Door& door, const Host& host) {
  const std::string line = HandshakeLine(door.path, host.wants_multiplex_answer);
  if (write(STDOUT_FILENO, line.data(), line.size()) != static_cast<ssize_t>(line.size())) {
    return kit::ErrnoError("telling the host the plugin's socket", "start it from spire-agent");
  }
  return absl::OkStatus();
}

absl::Status Serve(const Arguments& arguments, const Host& host, pid_t host_pid, Hclog& log) {
  absl::StatusOr<std::unique_ptr<Keepsake>> keepsake = Keepsake::Make();
  if (!keepsake.ok()) return keepsake.status();
  RemoveStaleDoors(host.socket_dir);
  absl::StatusOr<Door> door = OpenDoor(host);
  if (!door.ok()) return door.status();
  if (absl::Status greeted = Greet(*door, host); !greeted.ok()) {
    door->Remove();
    return greeted;
  }
  const auto worker = [&] { return RunWorker(*door, arguments, host_pid, **keepsake, log); };
  Supervisor(*door, log, host_pid, worker).Run();
  return absl::OkStatus();
}

int Main(int count, char** values) {
  const pid_t host_pid = getppid();
  const absl::StatusOr<Host> host = ReadHost([](const char* name) -> const char* { return getenv(name); });
  if (host.ok() && !host->started_us) {
    fputs(kWhatItIs, stderr);
    return 1;
  }
  // The log keeps the host's stderr when the worker's descriptor 2 becomes a pipe to the supervisor.
  const kit::OwnedFd host_stderr(fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3));
  Hclog log(host_stderr.get());
  absl::Status status = host.status();
  if (status.ok()) {
    const absl::StatusOr<Arguments> arguments = ReadArguments(count, values);
    status = arguments.ok() ? Serve(*arguments, *host, host_pid, log) : arguments.status();
  }
  if (!status.ok()) log.Write(LogLevel::kError, status.message());
  return status.ok() ? 0 : 1;
}

}  // namespace
}  // namespace belfry::plugin

int main(int count, char** values) { return belfry::plugin::Main(count, values); }
