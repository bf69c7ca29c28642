#include "demo/peer_watch.h"

#include <sys/socket.h>

#include "host/digest.h"
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

StockView ReadStockView(pid_t pid) {
  StockView view;
  auto files = host::ProcessFiles::Open(pid);
  if (!files.ok()) {
    view.why_not = "no such process";
    return view;
  }
  auto status = files->Status();
  auto exe = files->OpenExePath();
  auto path = exe.ok() ? host::PathOf(exe->get()) : exe.status();
  if (path.ok()) view.path = *path;
  auto content = files->OpenExe();
  auto digest = content.ok() ? host::Sha256(content->get()) : content.status();
  if (digest.ok()) view.sha256 = *digest;
  if (!status.ok() || !path.ok() || !digest.ok()) {
    view.why_not = status.ok() ? "its executable cannot be read" : "its status cannot be read";
    return view;
  }
  view.selectors = {"uid:" + std::to_string(status->uid), "gid:" + std::to_string(status->gid), "path:" + view.path,
                    "sha256:" + view.sha256};
  return view;
}

}  // namespace belfry::demo
