#include "plugin/daemon_client.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "kit/error.h"
#include "kit/escape.h"

namespace belfry::plugin {
namespace {

using Clock = std::chrono::system_clock;  // gRPC's deadlines are of this clock

constexpr auto kModePause = std::chrono::milliseconds(500);  // between two streams, when the daemon ends one

std::shared_ptr<grpc::Channel> Connect(const std::string& socket) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 100);
  // gRPC's name for how long one attempt may take: a busy daemon's greeting is waited for, an absent one is refused at
  // once, and the questions have their own deadline.
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 20'000);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 1000);
  // A channel of its own: what an earlier configuration's channel had learned of the path does not count.
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  return grpc::CreateCustomChannel("unix:" + socket, grpc::InsecureChannelCredentials(), arguments);
}

absl::Status FailedToAsk(const std::string& socket, int pid, const grpc::Status& status) {
  const bool late = status.error_code() == grpc::StatusCode::DEADLINE_EXCEEDED;
  return kit::Error(late ? absl::StatusCode::kDeadlineExceeded : absl::StatusCode::kUnavailable,
                    absl::StrCat("asking belfryd over ", socket, " about pid ", pid),
                    late ? "no answer in time" : kit::Escape(status.error_message(), 200),
                    late ? "see belfry status" : "is belfryd running?");
}

}  // namespace

std::optional<verdict::Mode> ModeOf(v1::Mode mode) {
  switch (mode) {
    case v1::MODE_OBSERVE:
      return verdict::Mode::kObserve;
    case v1::MODE_WARN:
      return verdict::Mode::kWarn;
    case v1::MODE_DENY:
      return verdict::Mode::kDeny;
    default:
      return std::nullopt;
  }
}

struct DaemonClient::Question {
  grpc::ClientContext context;
  v1::JudgeRequest request;
  v1::JudgeReply reply;
  Answer answer;
  Clock::time_point deadline;
};

// One WatchMode call; deletes itself in OnDone.
class DaemonClient::ModeStream final : public grpc::ClientReadReactor<v1::ModeReply> {
 public:
  explicit ModeStream(std::shared_ptr<DaemonClient> client) : client_(std::move(client)) {}

  void Start() {
    v1::WatchModeRequest request;
    request.set_guard(client_->guard_);
    request_ = request;
    context_.set_wait_for_ready(true);  // this is also what makes the channel look for an absent daemon
    client_->stub_->async()->WatchMode(&context_, &request_, this);
    StartRead(&reply_);
    StartCall();
  }
  void Cancel() { context_.TryCancel(); }

  void OnReadDone(bool ok) override {
    if (!ok) return;
    if (const std::optional<verdict::Mode> mode = ModeOf(reply_.mode())) client_->on_mode_(*mode);
    StartRead(&reply_);
  }
  void OnDone(const grpc::Status&) override {
    const std::shared_ptr<DaemonClient> client = client_;
    {
      const std::lock_guard lock(client->mutex_);
      client->mode_stream_ = nullptr;
    }
    delete this;
    client->FollowModeLater();
  }

 private:
  const std::shared_ptr<DaemonClient> client_;
  grpc::ClientContext context_;
  v1::WatchModeRequest request_;
  v1::ModeReply reply_;
};

DaemonClient::DaemonClient(const std::string& socket, std::string guard, std::chrono::milliseconds deadline,
                           OnMode on_mode)
    : socket_(socket),
      guard_(std::move(guard)),
      deadline_(deadline),
      on_mode_(std::move(on_mode)),
      stub_(v1::Attest::NewStub(Connect(socket))) {}

std::shared_ptr<DaemonClient> DaemonClient::Open(const std::string& socket, std::string guard,
                                                 std::chrono::milliseconds deadline, OnMode on_mode) {
  std::shared_ptr<DaemonClient> client(new DaemonClient(socket, std::move(guard), deadline, std::move(on_mode)));
  client->FollowMode();
  return client;
}

void DaemonClient::Judge(v1::JudgeRequest request, Answer answer) {
  auto question = std::make_unique<Question>();
  request.set_guard(guard_);
  question->request = std::move(request);
  question->answer = std::move(answer);
  question->deadline = Clock::now() + deadline_;
  {
    const std::lock_guard lock(mutex_);
    if (open_ >= kConcurrent) {
      // All deadlines are equally long: an open question ends before any of these is due.
      waiting_.push_back(std::move(question));
      return;
    }
    ++open_;
  }
  Ask(std::move(question));
}

void DaemonClient::Ask(std::unique_ptr<Question> question) {
  Question* asked = question.release();  // owned by the call, taken back when it is done
  asked->context.set_deadline(asked->deadline);
  stub_->async()->Judge(&asked->context, &asked->request, &asked->reply,
                        [self = shared_from_this(), asked](const grpc::Status& status) {
                          const std::unique_ptr<Question> done(asked);
                          self->AskNext();
                          if (status.ok())
                            done->answer(std::move(done->reply));
                          else
                            done->answer(FailedToAsk(self->socket_, done->request.pid(), status));
                        });
}

void DaemonClient::AskNext() {
  std::unique_ptr<Question> next;
  {
    const std::lock_guard lock(mutex_);
    if (waiting_.empty()) {
      --open_;
      return;
    }
    next = std::move(waiting_.front());
    waiting_.pop_front();
  }
  Ask(std::move(next));
}

void DaemonClient::FollowMode() {
  ModeStream* stream = nullptr;
  {
    const std::lock_guard lock(mutex_);
    if (stopped_) return;
    stream = mode_stream_ = new ModeStream(shared_from_this());
  }
  stream->Start();
}

void DaemonClient::FollowModeLater() {
  again_.Set(Clock::now() + kModePause, [weak = weak_from_this()](bool) {
    if (const std::shared_ptr<DaemonClient> self = weak.lock()) self->FollowMode();
  });
}

void DaemonClient::Stop() {
  const std::lock_guard lock(mutex_);
  stopped_ = true;
  if (mode_stream_ != nullptr) mode_stream_->Cancel();
}

}  // namespace belfry::plugin
