// The built-in's answers, computed on a few threads and never waited for beyond kDeadline.
//
// A filesystem in userspace can hold a thread for ever. So jobs bear a key, the owner of the process asked about: one
// key holds at most kPerKey threads, the others go on, and whoever waits is answered Unavailable in time. Thread-safe;
// `answer` is called exactly once, on any thread. The destructor waits for its threads.
#ifndef BELFRY_PLUGIN_LOCAL_ANSWERS_H_
#define BELFRY_PLUGIN_LOCAL_ANSWERS_H_

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/statusor.h"

namespace belfry::plugin {

class LocalAnswers {
 public:
  static constexpr size_t kThreads = 16;
  static constexpr size_t kPerKey = 2;
  // Far beyond what an honest disk needs for a large executable; SPIRE's built-in knows no limit at all.
  static constexpr auto kDeadline = std::chrono::seconds(20);

  using Values = absl::StatusOr<std::vector<std::string>>;
  // `wanted` turns false when nobody waits any more.
  using Work = std::function<Values(const std::function<bool()>& wanted)>;
  using Answer = std::function<void(Values)>;

  ~LocalAnswers();

  void Compute(uint64_t key, Work work, Answer answer, std::chrono::milliseconds deadline = kDeadline);

 private:
  struct Job;
  void Run();
  std::shared_ptr<Job> Take();  // the oldest whose key has a thread left; null: none. Under mutex_

  std::mutex mutex_;
  std::condition_variable wake_;
  std::list<std::shared_ptr<Job>> jobs_;  // waiting, oldest first
  std::map<uint64_t, size_t> running_;    // threads by key
  std::vector<std::thread> threads_;      // started when first needed
  size_t idle_ = 0;
  bool stopping_ = false;
};

}  // namespace belfry::plugin

#endif  // BELFRY_PLUGIN_LOCAL_ANSWERS_H_
