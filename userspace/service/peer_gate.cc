#include "service/peer_gate.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <map>
#include <thread>
#include <utility>

#include "kit/error.h"
#include "service/admission.h"
#include "service/session.h"

namespace belfry::service {
namespace {

// Accepted in one turn of the loop, so that hang-ups are seen between bursts.
constexpr int kAcceptedPerTurn = 64;

// A connection costs two descriptors and there are two gates: together they take at most half of what the process may
// open, so that no crowd of peers keeps the daemon from its own work.
GateOptions WithinDescriptors(GateOptions options) {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    options.connections = std::min<size_t>(options.connections, std::max<rlim_t>(limit.rlim_cur / 8, 1));
  }
  return options;
}

class Gate final : public PeerGate {
 public:
  Gate(Listener listener, GateOptions options, MakeService make)
      : listener_(std::move(listener)),
        options_(WithinDescriptors(std::move(options))),
        make_(std::move(make)),
        admission_(options_) {}
  ~Gate() override { Stop(std::chrono::milliseconds(0)); }

  absl::Status Start();
  void Stop(std::chrono::milliseconds grace) override;
  GateCounts counts() const override;

 private:
  using Sessions = std::map<uint64_t, std::unique_ptr<Session>>;          // by number of arrival: the oldest first
  static constexpr uint64_t kListener = 0, kWake = 1, kFirstSession = 2;  // epoll's data

  void Run();
  void AcceptSome();
  bool AcceptOne();
  void RefuseOneForWantOfDescriptors();
  void Admit(kit::OwnedFd fd);
  bool MakeRoom();
  void Leave(Sessions::iterator session);
  void EndAll();
  bool Watch(int fd, uint32_t events, uint64_t data);

  Listener listener_;
  const GateOptions options_;
  const MakeService make_;
  kit::OwnedFd epoll_, wake_, spare_;
  Admission admission_;
  Sessions sessions_;
  uint64_t next_session_ = kFirstSession;
  std::atomic<uint64_t> accepted_ = 0, refused_ = 0, evicted_ = 0, exhausted_ = 0, open_ = 0;
  std::atomic<bool> stopping_ = false;
  std::chrono::system_clock::time_point stop_deadline_;  // written before wake_, read after
  std::thread thread_;
};

bool Gate::Watch(int fd, uint32_t events, uint64_t data) {
  epoll_event event{.events = events, .data = {.u64 = data}};
  return epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) == 0;
}

absl::Status Gate::Start() {
  epoll_ = kit::OwnedFd(epoll_create1(EPOLL_CLOEXEC));
  wake_ = kit::OwnedFd(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  spare_ = kit::OwnedFd(open("/dev/null", O_RDONLY | O_CLOEXEC));
  if (!epoll_ || !wake_ || !spare_ || !Watch(listener_.fd(), EPOLLIN, kListener) ||
      !Watch(wake_.get(), EPOLLIN, kWake)) {
    return kit::ErrnoError("opening the gate of " + listener_.path(), "raise LimitNOFILE");
  }
  thread_ = std::thread([this] { Run(); });
  return absl::OkStatus();
}

void Gate::Run() {
  epoll_event events[64];
  while (!stopping_) {
    const int ready = epoll_wait(epoll_.get(), events, std::size(events), -1);
    for (int i = 0; i < ready; ++i) {
      const uint64_t data = events[i].data.u64;
      if (data == kListener) AcceptSome();
      if (const auto gone = sessions_.find(data); gone != sessions_.end()) Leave(gone);
    }
  }
  EndAll();
}

void Gate::AcceptSome() {
  for (int i = 0; i < kAcceptedPerTurn && !stopping_ && AcceptOne(); ++i) {
  }
}

// False: nothing more to accept now.
bool Gate::AcceptOne() {
  kit::OwnedFd fd(accept4(listener_.fd(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (fd) {
    Admit(std::move(fd));
    return true;
  }
  switch (errno) {
    case EMFILE:
    case ENFILE:
      RefuseOneForWantOfDescriptors();
      return true;
    case EINTR:
    case ECONNABORTED:
      return true;
    default:  // EAGAIN; ENOMEM, ENOBUFS: the level-triggered listener asks again
      return false;
  }
}

// A listener that is ready but cannot be accepted from would spin: the spare descriptor lets us take one and close it.
void Gate::RefuseOneForWantOfDescriptors() {
  spare_.Reset();
  kit::OwnedFd(accept4(listener_.fd(), nullptr, nullptr, SOCK_CLOEXEC)).Reset();
  ++exhausted_;
  spare_ = kit::OwnedFd(open("/dev/null", O_RDONLY | O_CLOEXEC));
}

void Gate::Admit(kit::OwnedFd fd) {
  const absl::StatusOr<Credentials> who = ReadCredentials(fd.get());
  if (!who.ok() || !options_.admits(*who)) {
    ++refused_;
    return;
  }
  const Admission::Answer answer = admission_.Ask(who->peer);
  if (answer == Admission::Answer::kRefuse || (answer == Admission::Answer::kEvictFirst && !MakeRoom())) {
    ++refused_;
    return;
  }
  absl::StatusOr<std::unique_ptr<Session>> session = Session::Make(std::move(fd), who->peer, options_, make_);
  const uint64_t number = next_session_++;
  if (!session.ok() || !Watch((*session)->watched(), EPOLLRDHUP | EPOLLONESHOT, number)) {
    ++exhausted_;
    return;
  }
  admission_.Enter(who->peer);
  const auto entered = sessions_.emplace(number, *std::move(session)).first;
  ++accepted_;
  open_ = sessions_.size();
  entered->second->Begin();
}

bool Gate::MakeRoom() {
  for (auto session = sessions_.begin(); session != sessions_.end(); ++session) {
    if (session->second->connection().admitted()) continue;
    Leave(session);
    ++evicted_;
    return true;
  }
  return false;
}

void Gate::Leave(Sessions::iterator session) {
  admission_.Leave(session->second->connection().peer());
  session->second->connection().EndStreams(absl::CancelledError("the connection is gone"));
  sessions_.erase(session);  // cancels what is pending, so does not wait for the engine
  open_ = sessions_.size();
}

void Gate::EndAll() {
  for (auto& [number, session] : sessions_) {
    session->connection().EndStreams(
        absl::UnavailableError("following: belfryd is stopping; ask again when it is back"));
  }
  for (auto& [number, session] : sessions_) session->Shut(stop_deadline_);
  sessions_.clear();
  open_ = 0;
}

void Gate::Stop(std::chrono::milliseconds grace) {
  if (!thread_.joinable()) return;
  stop_deadline_ = std::chrono::system_clock::now() + grace;
  stopping_ = true;
  const uint64_t one = 1;
  [[maybe_unused]] const ssize_t woken = write(wake_.get(), &one, sizeof(one));  // fails only if already readable
  thread_.join();
}

GateCounts Gate::counts() const {
  return {.accepted = accepted_, .refused = refused_, .evicted = evicted_, .exhausted = exhausted_, .open = open_};
}

}  // namespace

absl::StatusOr<std::unique_ptr<PeerGate>> PeerGate::Open(Listener listener, GateOptions options, MakeService make) {
  auto gate = std::make_unique<Gate>(std::move(listener), std::move(options), std::move(make));
  if (absl::Status started = gate->Start(); !started.ok()) return started;
  return gate;
}

}  // namespace belfry::service
