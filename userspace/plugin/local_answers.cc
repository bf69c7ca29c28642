#include "plugin/local_answers.h"

#include <grpcpp/alarm.h>

#include <atomic>
#include <utility>

namespace belfry::plugin {

struct LocalAnswers::Job {
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

void LocalAnswers::Compute(Work work, Answer answer, std::chrono::milliseconds deadline) {
  auto job = std::make_shared<Job>();
  job->work = std::move(work);
  job->answer = std::move(answer);
  job->alarm.Set(std::chrono::system_clock::now() + deadline, [weak = std::weak_ptr(job)](bool due) {
    const std::shared_ptr<Job> late = weak.lock();
    if (due && late) late->Finish(absl::UnavailableError("reading /proc: no answer in time; ask again"));
  });
  const std::lock_guard lock(mutex_);
  jobs_.push_back(std::move(job));
  if (idle_ == 0 && threads_.size() < kThreads) threads_.emplace_back(&LocalAnswers::Run, this);
  wake_.notify_one();
}

void LocalAnswers::Run() {
  std::unique_lock lock(mutex_);
  while (true) {
    ++idle_;
    wake_.wait(lock, [this] { return stopping_ || !jobs_.empty(); });
    --idle_;
    if (jobs_.empty()) return;
    const std::shared_ptr<Job> job = std::move(jobs_.front());
    jobs_.pop_front();
    lock.unlock();
    if (!job->answered) job->Finish(job->work([&job] { return !job->answered.load(); }));
    job->alarm.Cancel();
    lock.lock();
  }
}

}  // namespace belfry::plugin
