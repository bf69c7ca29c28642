#include "host/workers.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <list>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "kit/error.h"

namespace belfry::host {

struct Workers::State {
  struct Job {
    uint64_t key;
    uint64_t deadline_ns;
    Work work;
    Done done;  // empty once it was taken: whoever takes it posts it
  };

  State(Options o, Post p) : options(o), post(std::move(p)) {}

  // Calls `post` outside the lock, and lets the destructor wait for it.
  void PostDone(std::unique_lock<std::mutex>& lock, Done done, absl::Status status) {
    if (!done) return;
    ++posting;
    lock.unlock();
    post([done = std::move(done), status = std::move(status)] { done(status); });
    lock.lock();
    --posting;
    changed.notify_all();
  }

  // The oldest job whose key may have another thread.
  std::list<Job>::iterator NextJob() {
    return std::find_if(queue.begin(), queue.end(), [&](const Job& job) {
      const auto held = threads_of_key.find(job.key);
      return held == threads_of_key.end() || held->second < options.per_key;
    });
  }

  const Options options;
  const Post post;
  std::mutex mutex;
  std::condition_variable changed;
  std::list<Job> queue;
  std::list<Job> running;
  absl::flat_hash_map<uint64_t, size_t> threads_of_key;
  std::vector<std::thread> threads;
  size_t idle = 0;
  size_t ended = 0;    // threads that have left Run
  size_t posting = 0;  // calls of `post` under way
  std::atomic<bool> stopping{false};
};

Workers::Workers(Options options, Post post) : state_(std::make_shared<State>(options, std::move(post))) {}

absl::Status Workers::Submit(uint64_t key, uint64_t deadline_ns, Work work, Done done) {
  State& state = *state_;
  const std::unique_lock lock(state.mutex);
  if (state.queue.size() >= state.options.queue) {
    return kit::Error(absl::StatusCode::kUnavailable, "queueing a file to be read", "too many are waiting",
                      "a filesystem may hang: see belfry status");
  }
  state.queue.push_back({key, deadline_ns, std::move(work), std::move(done)});
  // Threads are started when they are first needed: most nodes never read more than one file at a time.
  if (state.idle == 0 && state.threads.size() < state.options.threads) {
    state.threads.emplace_back([shared = state_] { Run(shared); });
  }
  state.changed.notify_all();
  return absl::OkStatus();
}

void Workers::Run(const std::shared_ptr<State>& shared) {
  State& state = *shared;
  std::unique_lock lock(state.mutex);
  for (;;) {
    ++state.idle;
    state.changed.wait(lock, [&] { return state.stopping || state.NextJob() != state.queue.end(); });
    --state.idle;
    if (state.stopping) break;
    const auto job = state.NextJob();
    state.running.splice(state.running.end(), state.queue, job);
    ++state.threads_of_key[job->key];
    lock.unlock();
    job->work(state.stopping);
    lock.lock();
    if (--state.threads_of_key[job->key] == 0) state.threads_of_key.erase(job->key);
    Done done = std::exchange(job->done, nullptr);
    state.running.erase(job);
    state.changed.notify_all();
    state.PostDone(lock, std::move(done), absl::OkStatus());
  }
  ++state.ended;
  state.changed.notify_all();
}

void Workers::Expire(uint64_t now_ns) {
  State& state = *state_;
  std::vector<Done> late;
  std::unique_lock lock(state.mutex);
  const auto is_late = [&](const State::Job& job) { return job.deadline_ns <= now_ns && job.done; };
  for (State::Job& job : state.running) {
    if (is_late(job)) late.push_back(std::exchange(job.done, nullptr));
  }
  for (auto job = state.queue.begin(); job != state.queue.end();) {
    const auto here = job++;
    if (!is_late(*here)) continue;
    late.push_back(std::move(here->done));
    state.queue.erase(here);
  }
  for (Done& done : late) {
    state.PostDone(lock, std::move(done),
                   kit::Error(absl::StatusCode::kDeadlineExceeded, "reading a file", "its filesystem did not answer"));
  }
}

Workers::~Workers() {
  State& state = *state_;
  std::unique_lock lock(state.mutex);
  state.stopping = true;
  state.stopping.notify_all();
  state.changed.notify_all();
  std::vector<Done> dropped;
  for (State::Job& job : state.queue) dropped.push_back(std::move(job.done));
  state.queue.clear();
  // Running work gets its chance to end by itself and to be answered OK; what stays is answered for it.
  const auto grace = std::chrono::nanoseconds(state.options.stop_grace_ns);
  state.changed.wait_for(lock, grace, [&] { return state.ended == state.threads.size(); });
  for (State::Job& job : state.running) dropped.push_back(std::exchange(job.done, nullptr));
  for (Done& done : dropped) {
    state.PostDone(lock, std::move(done), kit::Error(absl::StatusCode::kUnavailable, "reading a file", "stopping"));
  }
  state.changed.wait(lock, [&] { return state.posting == 0; });
  std::vector<std::thread> threads = std::exchange(state.threads, {});
  const bool all_ended = state.ended == threads.size();
  lock.unlock();
  for (std::thread& thread : threads) {
    // The one place where a thread may be let go: the kernel holds it and nothing but the end of the process frees it.
    if (all_ended) {
      thread.join();
    } else {
      thread.detach();
    }
  }
}

size_t Workers::waiting() const {
  const std::lock_guard lock(state_->mutex);
  return state_->queue.size();
}

size_t Workers::running() const {
  const std::lock_guard lock(state_->mutex);
  return state_->running.size();
}

}  // namespace belfry::host
