// Shown by the order of events: a job that hangs waits for a latch that the test holds.
#include "host/workers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <condition_variable>
#include <deque>
#include <latch>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

namespace belfry::host {
namespace {

using testing::ElementsAre;
using testing::UnorderedElementsAre;

// The caller's executor: what was posted, run one by one by the test.
class Loop {
 public:
  Workers::Post Post() {
    return [this](std::function<void()> f) {
      const std::lock_guard lock(mutex_);
      posted_.push_back(std::move(f));
      changed_.notify_all();
    };
  }
  void RunOne() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return !posted_.empty(); });
    const std::function<void()> f = std::move(posted_.front());
    posted_.pop_front();
    lock.unlock();
    f();
  }
  size_t waiting() {
    const std::lock_guard lock(mutex_);
    return posted_.size();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> posted_;
};

class WorkersTest : public testing::Test {
 protected:
  // A job that hangs until Free(), and tells when it has begun.
  Workers::Work Hang() {
    return [gate = gate_](const std::atomic<bool>&) {
      std::unique_lock lock(gate->mutex);
      ++gate->begun;
      gate->changed.notify_all();
      gate->changed.wait(lock, [&] { return gate->open; });
    };
  }
  void AwaitHung(int n) {
    std::unique_lock lock(gate_->mutex);
    gate_->changed.wait(lock, [&] { return gate_->begun >= n; });
  }
  void Free() {
    const std::lock_guard lock(gate_->mutex);
    gate_->open = true;
    gate_->changed.notify_all();
  }
  Workers::Done Note(const std::string& name) {
    return [this, name](absl::Status status) {
      log_.push_back(name + (status.ok() ? "" : " " + absl::StatusCodeToString(status.code())));
    };
  }
  static Workers::Options Small() { return {.threads = 2, .per_key = 1, .queue = 3, .stop_grace_ns = 0}; }
  ~WorkersTest() override { Free(); }

  struct Gate {  // shared: a thread that is let go still waits at it
    std::mutex mutex;
    std::condition_variable changed;
    int begun = 0;
    bool open = false;
  };
  const std::shared_ptr<Gate> gate_ = std::make_shared<Gate>();
  Loop loop_;
  std::vector<std::string> log_;  // by the loop only
};

constexpr auto kNothing = [](const std::atomic<bool>&) {};

TEST_F(WorkersTest, WorkRunsElsewhereAndDoneOnTheLoop) {
  Workers workers(Small(), loop_.Post());
  const std::thread::id here = std::this_thread::get_id();
  std::thread::id there, done_on;
  ASSERT_TRUE(workers
                  .Submit(
                      1, kNoDeadline, [&](const auto&) { there = std::this_thread::get_id(); },
                      [&](absl::Status) { done_on = std::this_thread::get_id(); })
                  .ok());
  loop_.RunOne();
  EXPECT_NE(there, here);
  EXPECT_EQ(done_on, here);
}

TEST_F(WorkersTest, AHangingJobStopsNoOtherKey) {
  Workers workers(Small(), loop_.Post());
  ASSERT_TRUE(workers.Submit(1, kNoDeadline, Hang(), Note("hung")).ok());
  AwaitHung(1);
  ASSERT_TRUE(workers.Submit(1, kNoDeadline, kNothing, Note("same key")).ok());
  for (int i = 0; i < 5; ++i) {
    ASSERT_TRUE(workers.Submit(2, kNoDeadline, kNothing, Note("other")).ok());
    loop_.RunOne();
  }
  EXPECT_THAT(log_, ElementsAre("other", "other", "other", "other", "other"));
  EXPECT_EQ(workers.waiting(), 1u) << "one key never has two of the threads here";
  Free();
  loop_.RunOne();
  loop_.RunOne();
  EXPECT_THAT(std::vector(log_.begin() + 5, log_.end()), UnorderedElementsAre("hung", "same key"));
}

TEST_F(WorkersTest, WhenAllThreadsAreHeldJobsWaitThenAreRefused) {
  Workers workers(Small(), loop_.Post());
  ASSERT_TRUE(workers.Submit(1, kNoDeadline, Hang(), Note("hung")).ok());
  ASSERT_TRUE(workers.Submit(2, kNoDeadline, Hang(), Note("hung")).ok());
  AwaitHung(2);
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(workers.Submit(3 + i, 100, kNothing, Note("waited")).ok());
  EXPECT_EQ(workers.Submit(9, 100, kNothing, Note("refused")).code(), absl::StatusCode::kUnavailable);
  workers.Expire(99);
  EXPECT_EQ(loop_.waiting(), 0u);
  workers.Expire(100);
  for (int i = 0; i < 3; ++i) loop_.RunOne();
  EXPECT_THAT(log_, ElementsAre("waited DEADLINE_EXCEEDED", "waited DEADLINE_EXCEEDED", "waited DEADLINE_EXCEEDED"));
  EXPECT_EQ(workers.waiting(), 0u);
  EXPECT_EQ(workers.running(), 2u);
}

TEST_F(WorkersTest, ALateJobIsAnsweredOnceAndItsWorkGoesOn) {
  Workers workers(Small(), loop_.Post());
  std::latch finished(1);
  ASSERT_TRUE(workers
                  .Submit(
                      1, 100,
                      [&, hang = Hang()](const auto& stopping) {
                        hang(stopping);
                        finished.count_down();
                      },
                      Note("late"))
                  .ok());
  AwaitHung(1);
  workers.Expire(100);
  workers.Expire(101);
  loop_.RunOne();
  Free();
  finished.wait();
  ASSERT_TRUE(workers.Submit(1, kNoDeadline, kNothing, Note("next")).ok());
  loop_.RunOne();
  EXPECT_THAT(log_, ElementsAre("late DEADLINE_EXCEEDED", "next"));
}

TEST_F(WorkersTest, StoppingAnswersEveryoneOnceAndWaitsForNobody) {
  {
    Workers workers(Small(), loop_.Post());
    ASSERT_TRUE(workers.Submit(1, kNoDeadline, Hang(), Note("hung")).ok());
    AwaitHung(1);
    ASSERT_TRUE(workers.Submit(1, kNoDeadline, kNothing, Note("queued")).ok());
  }  // returns although the thread is held
  EXPECT_EQ(loop_.waiting(), 2u);
  loop_.RunOne();
  loop_.RunOne();
  EXPECT_THAT(log_, UnorderedElementsAre("hung UNAVAILABLE", "queued UNAVAILABLE"));
  Free();
  EXPECT_EQ(loop_.waiting(), 0u) << "a thread that was let go posts nothing";
}

TEST_F(WorkersTest, WorkIsToldThatItIsStopping) {
  std::latch begun(1);
  {
    Workers::Options patient = Small();
    patient.stop_grace_ns = UINT64_C(3600) * 1'000'000'000;
    Workers workers(patient, loop_.Post());
    ASSERT_TRUE(workers
                    .Submit(
                        1, kNoDeadline,
                        [&](const std::atomic<bool>& stopping) {
                          begun.count_down();
                          stopping.wait(false);
                        },
                        Note("told"))
                    .ok());
    begun.wait();
  }
  loop_.RunOne();
  EXPECT_THAT(log_, ElementsAre("told"));
}

TEST_F(WorkersTest, ManyJobsAreEachDoneOnce) {
  Workers::Options many = Small();
  many.queue = 10000;
  many.threads = 4;
  many.per_key = 4;
  Workers workers(many, loop_.Post());
  std::multiset<int> done;
  for (int i = 0; i < 2000; ++i) {
    ASSERT_TRUE(workers.Submit(i % 3, kNoDeadline, kNothing, [&done, i](absl::Status) { done.insert(i); }).ok());
  }
  for (int i = 0; i < 2000; ++i) loop_.RunOne();
  EXPECT_EQ(std::set<int>(done.begin(), done.end()).size(), 2000u);
  EXPECT_EQ(done.size(), 2000u);
}

}  // namespace
}  // namespace belfry::host
