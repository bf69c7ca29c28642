#include "demo/front_door.h"

#include <fcntl.h>
#include <grpcpp/server_posix.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>

#include "kit/error.h"

namespace belfry::demo {
namespace {

absl::StatusOr<kit::OwnedFd> Listen(const std::string& path) {
  sockaddr_un address{.sun_family = AF_UNIX};
  if (path.size() >= sizeof address.sun_path) {
    return kit::Error(absl::StatusCode::kInvalidArgument, "listen on " + path, "longer than a socket path may be",
                      "use a shorter $TMPDIR");
  }
  memcpy(address.sun_path, path.data(), path.size());
  kit::OwnedFd listener(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  unlink(path.c_str());
  if (!listener || bind(listener.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 ||
      listen(listener.get(), 4096) != 0 || chmod(path.c_str(), 0777) != 0) {
    return kit::ErrnoError("listen on " + path);
  }
  return listener;
}

}  // namespace

FrontDoor::FrontDoor(kit::OwnedFd listener, kit::OwnedFd bell, grpc::Server* server, WorkloadApi* api,
                     std::function<void(const Json&)> witness)
    : listener_(std::move(listener)),
      bell_(std::move(bell)),
      server_(server),
      api_(api),
      witness_(std::move(witness)),
      thread_([this] { Serve(); }) {}

absl::StatusOr<std::unique_ptr<FrontDoor>> FrontDoor::Open(const std::string& path, grpc::Server* server,
                                                           WorkloadApi* api,
                                                           std::function<void(const Json&)> witness) {
  auto listener = Listen(path);
  if (!listener.ok()) return listener.status();
  kit::OwnedFd bell(eventfd(0, EFD_CLOEXEC));
  if (!bell) return kit::ErrnoError("make the agent's bell");
  return std::unique_ptr<FrontDoor>(
      new FrontDoor(*std::move(listener), std::move(bell), server, api, std::move(witness)));
}

FrontDoor::~FrontDoor() {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    ending_ = true;
    held_ = false;
  }
  changed_.notify_all();
  eventfd_write(bell_.get(), 1);
  thread_.join();
}

void FrontDoor::Hold(bool held) {
  std::lock_guard<std::mutex> lock(mutex_);
  held_ = held;
  changed_.notify_all();
}

void FrontDoor::Serve() {
  while (true) {
    pollfd wanted[2] = {{listener_.get(), POLLIN, 0}, {bell_.get(), POLLIN, 0}};
    poll(wanted, 2, -1);
    std::unique_lock<std::mutex> lock(mutex_);
    changed_.wait(lock, [this] { return !held_; });
    if (ending_) return;
    AcceptOne();
  }
}

void FrontDoor::AcceptOne() {
  kit::OwnedFd fd(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (!fd) return;
  auto caller = PeerWatch::Of(fd.get());
  if (!caller.ok()) {
    witness_({{"event", "refused"}, {"why", std::string(caller.status().message())}});
    return;
  }
  witness_({{"event", "accepted"}, {"pid", (*caller)->pid()}});
  api_->Accepted(fd.get(), *std::move(caller));
  grpc::AddInsecureChannelFromFd(server_, fd.Release());
}

}  // namespace belfry::demo
