// Threads for reads that may never return: a file of a FUSE filesystem holds whoever opens it for as long as its server
// likes, so nothing of /proc or of a workload's files is read by the loop thread.
//
// A job that hangs keeps its thread and nothing else: jobs bear a key (whose file it is, for instance the uid), one key
// has at most `per_key` threads, so that one user's files cannot hold all of them. When all threads are held, jobs wait
// until their deadline; when the queue is full, Submit answers Unavailable.
//
// `done` is posted exactly once for every accepted job: OK when its work has returned; DeadlineExceeded if Expire found
// it too old (its work goes on if it had begun: a later retry may profit); Unavailable if the pool stopped first. Jobs
// of one key begin in order; what they post may arrive in any. Thread-safe. `post` hands a function to the caller's
// executor (the loop): it must only enqueue, not run it; it is not called any more once the destructor has returned.
#ifndef BELFRY_HOST_WORKERS_H_
#define BELFRY_HOST_WORKERS_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>

#include "absl/status/status.h"

namespace belfry::host {

inline constexpr uint64_t kNoDeadline = UINT64_MAX;

class Workers {
 public:
  struct Options {
    size_t threads = 8;
    size_t per_key = 2;
    size_t queue = 1024;                     // jobs waiting
    uint64_t stop_grace_ns = 1'000'000'000;  // how long the destructor waits for work to notice that it is stopping
  };
  // `stopping` becomes true when the result is no longer wanted: long work looks at it between its pieces.
  using Work = std::function<void(const std::atomic<bool>& stopping)>;
  using Done = std::function<void(absl::Status)>;
  using Post = std::function<void(std::function<void()>)>;

  Workers(Options options, Post post);
  // Never blocks for longer than stop_grace_ns. A thread that is still held then is left to the end of the process: it
  // owns what it uses (its share of the state and its work), and posts nothing.
  ~Workers();
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;

  // deadline_ns: on the clock that Expire is told. Unavailable: the queue is full; then `done` is not posted.
  absl::Status Submit(uint64_t key, uint64_t deadline_ns, Work work, Done done);

  // Answers what is past its deadline. The loop calls it on a timer.
  void Expire(uint64_t now_ns);

  size_t waiting() const;
  size_t running() const;  // threads that hold a job, hung ones included

 private:
  struct State;
  static void Run(const std::shared_ptr<State>& state);

  std::shared_ptr<State> state_;
};

}  // namespace belfry::host

#endif  // BELFRY_HOST_WORKERS_H_
