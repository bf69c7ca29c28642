// What the service manager gives and is told: sockets it made (LISTEN_FDS), and how far we are (NOTIFY_SOCKET).
// Without a service manager nothing is given and telling does nothing. Thread-safe but for TakeSockets, called once.
#ifndef BELFRY_DAEMON_SERVICE_MANAGER_H_
#define BELFRY_DAEMON_SERVICE_MANAGER_H_

#include <string>

#include "kit/owned_fd.h"

namespace belfry::daemon {

struct Sockets {
  kit::OwnedFd attest;  // FileDescriptorName= has "attest" in it
  kit::OwnedFd admin;   // FileDescriptorName= has "admin" in it
};
Sockets TakeSockets();

void TellReady(const std::string& status);
void TellReloading();
void TellStatus(const std::string& status);
void TellStopping();

}  // namespace belfry::daemon

#endif  // BELFRY_DAEMON_SERVICE_MANAGER_H_
