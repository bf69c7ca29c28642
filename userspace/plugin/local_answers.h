// The built-in's answers, computed on a few threads and never waited for beyond kDeadline.
//
// A filesystem in userspace can hold a thread for ever: then the others go on, and the caller is answered Unavailable in
// time. Thread-safe; `answer` is called exactly once, on any thread. The destructor waits for its threads.
#ifndef BELFRY_PLUGIN_LOCAL_ANSWERS_H_
#define BELFRY_PLUGIN_LOCAL_ANSWERS_H_

#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/statusor.h"

namespace belfry::plugin {

class LocalAnswers {
 public:
  static constexpr size_t kThreads = 4;
  // Far beyond what an honest disk needs for a large executable; SPIRE's built-in knows no limit at all.
  static constexpr auto kDeadline = std::chrono::seconds(20);

  using Values = absl::StatusOr<std::vector<std::string>>;
  // `wanted` turns false when nobody waits any more.
  using Work = std::function<Values(const std::function<bool()>& wanted)>;
  using Answer = std::function<void(Values)>;

  ~LocalAnswers();

  void Compute(Work work, Answer answer, std::chrono::milliseconds deadline = kDeadline);

 private:
  struct Job;
  void Run();

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::shared_ptr<Job>> jobs_;
  std::vector<std::thread> threads_;  // started when first needed
  size_t idle_ = 0;
  bool stopping_ = false;
};

}  // namespace belfry::plugin

#endif  // BELFRY_PLUGIN_LOCAL_ANSWERS_H_
