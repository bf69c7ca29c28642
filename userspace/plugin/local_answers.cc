#include "plugin/local_answers.h"

#include <grpcpp/alarm.h>

#include <atomic>
#include <utility>

namespace belfry::plugin {

struct LocalAnswers::Job {
  uint64_t key = 0;
  Work work;
  Answer answer;
  std::atomic<bool> answered{false};
  grpc::Alarm alarm;

  void Finish(Values values) {
    if (!answered.exchange(true)) answer(std::move(values));
  }
};

LocalAnswers::~LocalAnswers() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void LocalAnswers::Compute(uint64_t key, Work work, Answer answer, std::chrono::milliseconds deadline) {
  auto job = std::make_shared<Job>();
  job->key = key;
  job->work = std::move(work);
  job->answer = std::move(answer);
  job->alarm.Set(std::chrono::system_clock::now() + deadline, [weak = std::weak_ptr(job)](bool due) {
    const std::shared_ptr<Job> late = weak.lock();
    if (due && late) late->Finish(absl::UnavailableError("reading /proc: no answer in time; ask again"));
  });
  const std::lock_guard lock(mutex_);
  jobs_.push_back(std::move(job));
  if (jobs_.size() > idle_ && threads_.size() < kThreads) threads_.emplace_back(&LocalAnswers::Run, this);
  wake_.notify_one();
}

std::shared_ptr<LocalAnswers::Job> LocalAnswers::Take() {
  for (auto at = jobs_.begin(); at != jobs_.end(); ++at) {
    if (running_[(*at)->key] >= kPerKey) continue;
    std::shared_ptr<Job> job = std::move(*at);
    jobs_.erase(at);
    ++running_[job->key];
    return job;
  }
  return nullptr;
}

void LocalAnswers::Run() {
  std::unique_lock lock(mutex_);
  while (true) {
    std::shared_ptr<Job> job;
    ++idle_;
    wake_.wait(lock, [this, &job] { return stopping_ || (job = Take()) != nullptr; });
    --idle_;
    if (job == nullptr) return;
    lock.unlock();
    if (!job->answered) job->Finish(job->work([&job] { return !job->answered.load(); }));
    job->alarm.Cancel();
    lock.lock();
    if (--running_[job->key] == 0) running_.erase(job->key);
    wake_.notify_one();  // a job of this key may have waited for this thread
  }
}

}  // namespace belfry::plugin
