#include "daemon/service_manager.h"

#include <systemd/sd-daemon.h>

#include <cstdlib>
#include <string_view>

#include "kit/clock.h"

namespace belfry::daemon {

Sockets TakeSockets() {
  Sockets sockets;
  char** names = nullptr;
  const int count = sd_listen_fds_with_names(1, &names);
  for (int i = 0; i < count; ++i) {
    kit::OwnedFd fd(SD_LISTEN_FDS_START + i);
    const std::string_view name = names != nullptr && names[i] != nullptr ? names[i] : "";
    if (name.find("attest") != std::string_view::npos)
      sockets.attest = std::move(fd);
    else if (name.find("admin") != std::string_view::npos)
      sockets.admin = std::move(fd);
    if (names != nullptr) free(names[i]);
  }
  free(names);
  return sockets;
}

void TellReady(const std::string& status) { sd_notify(0, ("READY=1\nSTATUS=" + status).c_str()); }
void TellReloading() {
  sd_notify(0, ("RELOADING=1\nMONOTONIC_USEC=" + std::to_string(kit::ClockNs(CLOCK_MONOTONIC) / 1000)).c_str());
}
void TellStatus(const std::string& status) { sd_notify(0, ("STATUS=" + status).c_str()); }
void TellStopping() { sd_notify(0, "STOPPING=1\nSTATUS=stopping"); }

}  // namespace belfry::daemon
