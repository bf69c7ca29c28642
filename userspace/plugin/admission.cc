#include "plugin/admission.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <iterator>
#include <string>
#include <utility>

namespace belfry::plugin {

Admission::Admission(int listener, pid_t host, pid_t supervisor, Hclog& log)
    : listener_(listener), host_(host), supervisor_(supervisor), log_(log), stop_(eventfd(0, EFD_CLOEXEC)) {}

bool Admission::IsAdmitted(int connection) const {
  ucred peer{};
  socklen_t size = sizeof peer;
  if (getsockopt(connection, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return false;
  if (peer.pid > 0 && (peer.pid == host_ || peer.pid == supervisor_)) return true;
  log_.Write(LogLevel::kWarn, "a process other than the host connected to the plugin's socket and was turned away",
             {{"pid", std::to_string(peer.pid)}, {"uid", std::to_string(peer.uid)}});
  return false;
}

void Admission::Run(const Admit& admit) {
  while (true) {
    pollfd watched[] = {{listener_, POLLIN, 0}, {stop_.get(), POLLIN, 0}};
    if (poll(watched, std::size(watched), -1) < 0) continue;
    if (watched[1].revents != 0) return;
    kit::OwnedFd connection(accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (connection && IsAdmitted(connection.get())) admit(std::move(connection));
  }
}

void Admission::Stop() { eventfd_write(stop_.get(), 1); }

}  // namespace belfry::plugin
