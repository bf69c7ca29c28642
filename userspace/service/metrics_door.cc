#include "service/metrics_door.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <list>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "kit/error.h"
#include "service/http_request.h"

namespace belfry::service {
namespace {

using std::chrono::steady_clock;

constexpr std::chrono::milliseconds kRest{100};  // of accepting, where descriptors have run out

// What other threads leave for the door's; outlives it, for an answer may come late.
struct Mailbox {
  std::mutex mutex;
  bool stop = false;
  std::optional<MetricsText> answer;
  kit::OwnedFd wake;

  void Wake() {
    const uint64_t one = 1;
    [[maybe_unused]] const ssize_t written = write(wake.get(), &one, sizeof one);  // a full one is awake already
  }
};

struct Peer {
  enum class Does { kAsk, kWait, kRead, kLeave };  // kLeave: has its answer, what it still sends is not read

  kit::OwnedFd fd;
  steady_clock::time_point until;
  Does does = Does::kAsk;
  std::string received;
  std::shared_ptr<const std::string> answer;
  size_t sent = 0;
};

class Door final : public MetricsDoor {
 public:
  Door(Listening listening, AskMetrics ask, MetricsDoorOptions options, std::shared_ptr<Mailbox> mailbox)
      : listening_(std::move(listening)), ask_(std::move(ask)), options_(options), mailbox_(std::move(mailbox)) {
    thread_ = std::thread([this] { Run(); });
  }
  ~Door() override {
    {
      const std::lock_guard lock(mailbox_->mutex);
      mailbox_->stop = true;
    }
    mailbox_->Wake();
    thread_.join();
  }

 private:
  int ListeningFd() const {
    if (const auto* listener = std::get_if<Listener>(&listening_)) return listener->fd();
    return std::get<kit::OwnedFd>(listening_).get();
  }

  void Run() {
    while (true) {
      std::vector<pollfd> waits = {{.fd = mailbox_->wake.get(), .events = POLLIN}};
      const auto now = steady_clock::now();
      waits.push_back({.fd = now < accept_again_ ? -1 : ListeningFd(), .events = POLLIN});
      for (const Peer& peer : peers_) waits.push_back({.fd = peer.fd.get(), .events = EventsFor(peer)});
      if (poll(waits.data(), waits.size(), WaitFrom(now)) < 0) continue;
      size_t at = 2;
      for (auto peer = peers_.begin(); peer != peers_.end(); ++at) {
        const bool stays = steady_clock::now() < peer->until && (waits[at].revents == 0 || Serve(*peer, waits[at].revents));
        peer = stays ? std::next(peer) : peers_.erase(peer);
      }
      if (waits[0].revents != 0 && !ReadMailbox()) return;
      if (waits[1].revents != 0) Accept();
    }
  }

  static short EventsFor(const Peer& peer) {
    switch (peer.does) {
      case Peer::Does::kWait: return 0;  // a hang-up shows all the same
      case Peer::Does::kRead: return POLLOUT;
      default: return POLLIN;
    }
  }

  int WaitFrom(steady_clock::time_point now) const {
    std::optional<steady_clock::time_point> first;
    const auto consider = [&](steady_clock::time_point due) { first = std::min(first.value_or(due), due); };
    for (const Peer& peer : peers_) consider(peer.until);
    if (now < accept_again_) consider(accept_again_);
    if (!first) return -1;
    return static_cast<int>(std::max<int64_t>(0, std::chrono::ceil<std::chrono::milliseconds>(*first - now).count()));
  }

  void Accept() {
    kit::OwnedFd fd(accept4(ListeningFd(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!fd) {
      if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) accept_again_ = steady_clock::now() + kRest;
      return;
    }
    if (peers_.size() >= options_.connections) peers_.pop_front();
    peers_.push_back({.fd = std::move(fd), .until = steady_clock::now() + options_.limit});
  }

  // False: the peer is gone, or done with.
  bool Serve(Peer& peer, short events) {
    if ((events & (POLLERR | POLLNVAL)) != 0) return false;
    switch (peer.does) {
      case Peer::Does::kAsk: return ReadQuestion(peer);
      case Peer::Does::kWait: return (events & POLLHUP) == 0;
      case Peer::Does::kRead: return WriteAnswer(peer);
      case Peer::Does::kLeave: return SeeOut(peer);
    }
    return false;
  }

  bool ReadQuestion(Peer& peer) {
    char bytes[4096];
    const ssize_t got = recv(peer.fd.get(), bytes, sizeof bytes, 0);
    if (got <= 0) return got < 0 && (errno == EAGAIN || errno == EINTR);
    peer.received.append(bytes, static_cast<size_t>(got));
    const HttpAsked asked = ReadHttpRequest(peer.received);
    if (asked == HttpAsked::kNotYet) return true;
    peer.received = {};
    if (asked != HttpAsked::kMetrics) return Answer(peer, std::make_shared<const std::string>(HttpRefusal(asked)));
    if (text_ != nullptr && steady_clock::now() < text_until_) return Answer(peer, text_);
    peer.does = Peer::Does::kWait;
    if (!std::exchange(asked_, true)) {
      ask_([mailbox = mailbox_](MetricsText text) {
        const std::lock_guard lock(mailbox->mutex);
        mailbox->answer = std::move(text);
        mailbox->Wake();
      });
    }
    return true;
  }

  bool Answer(Peer& peer, std::shared_ptr<const std::string> answer) {
    peer.answer = std::move(answer);
    peer.does = Peer::Does::kRead;
    return WriteAnswer(peer);
  }

  bool WriteAnswer(Peer& peer) {
    while (peer.sent < peer.answer->size()) {
      const ssize_t sent = send(peer.fd.get(), peer.answer->data() + peer.sent, peer.answer->size() - peer.sent, MSG_NOSIGNAL);
      if (sent < 0) return errno == EAGAIN || errno == EINTR;
      peer.sent += static_cast<size_t>(sent);
    }
    // Who is still sending would not look for the answer if that failed.
    shutdown(peer.fd.get(), SHUT_WR);
    peer.does = Peer::Does::kLeave;
    return SeeOut(peer);
  }

  static bool SeeOut(Peer& peer) {
    char bytes[4096];
    const ssize_t got = recv(peer.fd.get(), bytes, sizeof bytes, 0);
    return got > 0 || (got < 0 && (errno == EAGAIN || errno == EINTR));
  }

  // False: it is time to end.
  bool ReadMailbox() {
    uint64_t count = 0;
    [[maybe_unused]] const ssize_t got = read(mailbox_->wake.get(), &count, sizeof count);
    std::optional<MetricsText> text;
    {
      const std::lock_guard lock(mailbox_->mutex);
      if (mailbox_->stop) return false;
      text = std::exchange(mailbox_->answer, std::nullopt);
    }
    if (!text) return true;
    asked_ = false;
    text_ = std::make_shared<const std::string>(*text ? HttpMetrics((*text)()) : HttpUnavailable());
    text_until_ = steady_clock::now() + options_.fresh;
    peers_.remove_if([this](Peer& peer) { return peer.does == Peer::Does::kWait && !Answer(peer, text_); });
    return true;
  }

  const Listening listening_;
  const AskMetrics ask_;
  const MetricsDoorOptions options_;
  const std::shared_ptr<Mailbox> mailbox_;
  std::list<Peer> peers_;  // oldest first
  bool asked_ = false;     // the loop, which has not answered yet
  std::shared_ptr<const std::string> text_;
  steady_clock::time_point text_until_, accept_again_;
  std::thread thread_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<MetricsDoor>> MetricsDoor::Open(Listening listening, AskMetrics ask, MetricsDoorOptions options) {
  auto mailbox = std::make_shared<Mailbox>();
  mailbox->wake = kit::OwnedFd(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!mailbox->wake) return kit::ErrnoError("opening the metrics door", "raise the limit of open files");
  return std::make_unique<Door>(std::move(listening), std::move(ask), options, std::move(mailbox));
}

}  // namespace belfry::service
