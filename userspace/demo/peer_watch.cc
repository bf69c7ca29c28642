#include "demo/peer_watch.h"

#include <sys/socket.h>

#include "kit/error.h"

namespace belfry::demo {

absl::StatusOr<std::shared_ptr<PeerWatch>> PeerWatch::Of(int accepted) {
  ucred peer{};
  socklen_t size = sizeof peer;
  if (getsockopt(accepted, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) {
    return kit::ErrnoError("ask who connected (SO_PEERCRED)");
  }
  if (peer.pid == 0) {
    return kit::Error(absl::StatusCode::kNotFound, "ask who connected", "not visible in this pid namespace");
  }
  auto files = host::ProcessFiles::Open(peer.pid);
  if (!files.ok()) return files.status();
  auto start = files->StartTicks();
  if (!start.ok()) return start.status();
  return std::shared_ptr<PeerWatch>(new PeerWatch(peer.pid, peer.uid, peer.gid, *start, *std::move(files)));
}

bool PeerWatch::IsAlive() const {
  auto start = files_.StartTicks();
  if (!start.ok() || *start != start_) return false;
  auto status = files_.Status();
  return status.ok() && status->uid == uid_ && status->gid == gid_;
}

}  // namespace belfry::demo
