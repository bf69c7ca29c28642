#include "demo/chronicle.h"

#include <algorithm>
#include <chrono>

#include "belfry/wire.h"
#include "verdict/soundness.h"

namespace belfry::demo {

Chronicle::Chronicle(const std::string& admin_socket)
    : admin_(v1::Admin::NewStub(grpc::CreateChannel("unix:" + admin_socket, grpc::InsecureChannelCredentials()))),
      thread_([this] { Follow(); }) {}

Chronicle::~Chronicle() {
  context_.TryCancel();
  thread_.join();
}

void Chronicle::Follow() {
  v1::FollowRequest request;
  request.set_everything(true);
  auto stream = admin_->Follow(&context_, request);
  for (v1::FollowReply reply; stream->Read(&reply);) {
    const Json line = Json::parse(reply.json(), nullptr, false);
    if (line.is_object()) Read(line);
  }
}

void Chronicle::Read(const Json& line) {
  const std::string action = line.value("/event/action"_json_pointer, "");
  const uint64_t connection = line.value("/belfry/connection"_json_pointer, uint64_t{0});
  pid_t pid = line.value("/process/pid"_json_pointer, 0);
  std::lock_guard<std::mutex> lock(mutex_);
  if (action == "connect") {
    begun_ = true;
    openers_[connection] = pid;
  }
  // A descriptor that the kernel did not let arrive is told of who wanted it; the exec then closes the last one, and there
  // may be nothing left to cut.
  const bool refused = action == "refused";
  if (action == "cut" || action == "withheld" || refused) {
    if (pid == 0 || refused) pid = openers_[connection];  // the record is gone already; its first line is not
    for (const Json& reason : line.value("/event/reason"_json_pointer, Json::array())) {
      std::vector<std::string>& known = refusals_[pid];  // a verdict and the cut that follows it name the same
      const auto name = reason == "transfer" ? verdict::TaintName(BELFRY_TAINT_FD_TRANSFERRED) : reason.get<std::string>();
      if (std::find(known.begin(), known.end(), name) == known.end()) known.push_back(name);
    }
  }
  changed_.notify_all();
}

bool Chronicle::HasBegun(int timeout_ms) {
  std::unique_lock<std::mutex> lock(mutex_);
  return changed_.wait_for(lock, std::chrono::milliseconds(timeout_ms), [this] { return begun_; });
}

std::vector<std::string> Chronicle::AwaitRefusal(pid_t opener, int timeout_ms) {
  std::unique_lock<std::mutex> lock(mutex_);
  changed_.wait_for(lock, std::chrono::milliseconds(timeout_ms), [&] { return refusals_.count(opener) != 0; });
  const auto found = refusals_.find(opener);
  if (found == refusals_.end()) return {};
  std::vector<std::string> reasons = std::move(found->second);
  refusals_.erase(found);
  return reasons;
}

}  // namespace belfry::demo
