// Follows a running belfryd. Who reads our output slowly makes us read slowly: the daemon then drops lines for us alone, and
// says how many.
#include <grpcpp/grpcpp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <atomic>
#include <functional>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "cli/ask.h"
#include "cli/audit.h"
#include "cli/exits.h"
#include "effect/entry_json.h"
#include "kit/error.h"
#include "service/admin_door.h"

namespace belfry::cli {
namespace {

// Ends the following on a signal, or when its time is up.
class Stopper {
 public:
  Stopper(kit::OwnedFd signals, std::chrono::milliseconds time, std::function<void()> stop)
      : signals_(std::move(signals)), thread_([this, time, stop = std::move(stop)] {
          pollfd fds[] = {{.fd = signals_.get(), .events = POLLIN, .revents = 0},
                          {.fd = over_.get(), .events = POLLIN, .revents = 0}};
          while (poll(fds, 2, time.count() > 0 ? static_cast<int>(time.count()) : -1) < 0 && errno == EINTR) {
          }
          stop();
        }) {}
  ~Stopper() {
    const uint64_t one = 1;
    (void)!write(over_.get(), &one, sizeof one);
    thread_.join();
  }

 private:
  const kit::OwnedFd signals_;
  const kit::OwnedFd over_{eventfd(0, EFD_CLOEXEC)};
  std::thread thread_;
};

}  // namespace

int AuditAttached(const AuditOptions& options, Surroundings& surroundings) {
  kit::OwnedFd signals = StopSignals();
  auto daemon = Daemon::Reach(surroundings.run_dir);
  if (absl::IsUnavailable(daemon.status()))
    return Fail(surroundings,
                kit::Error(absl::StatusCode::kUnavailable, absl::StrCat("following belfryd on ", surroundings.run_dir, "/admin.sock"),
                           "nobody listens there", "name a socket (`belfry audit --unix /run/docker.sock`), or start belfryd"),
                kUnavailable);
  if (!daemon.ok()) return Fail(surroundings, daemon.status(), kUnavailable);
  v1::FollowRequest request;
  request.set_closings(options.closings);
  grpc::ClientContext context;
  AuditOutput output(options, surroundings, [&context] { context.TryCancel(); });
  auto stream = daemon->Follow(context, request);
  std::atomic<bool> stopped = false;
  const Stopper stopper(std::move(signals), options.time, [&] {
    stopped = true;
    context.TryCancel();
    output.StopWaiting();
  });
  stream->WaitForInitialMetadata();
  const bool began = context.GetServerInitialMetadata().contains(service::kFollowing);
  if (began) output.Ready(absl::StrCat("following belfryd", options.time.count() > 0 ? "" : "; Ctrl-C ends it"));
  uint64_t missed = 0;
  for (v1::FollowReply reply; stream->Read(&reply);) {
    auto entry = effect::FromJson(reply.json());
    if (!entry) continue;
    const kit::Urgency urgency = entry->violation ? kit::Urgency::kUrgent : kit::Urgency::kOrdinary;
    const OutletLine line{std::make_shared<const effect::Entry>(*std::move(entry)), reply.json()};
    bool taken = output.Take(line, urgency);
    for (; !taken && !stopped && !output.closed(); taken = output.Take(line, urgency)) output.AwaitRoom();
    missed += !taken;
  }
  const grpc::Status status = stream->Finish();
  const int exit = output.End(missed);
  if (began && (stopped || output.closed())) return exit;
  return Fail(surroundings, daemon->Told(status), kUnavailable);
}

}  // namespace belfry::cli
