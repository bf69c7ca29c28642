#include "plugin/local_answers.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>

namespace belfry::plugin {
namespace {

using Values = LocalAnswers::Values;

constexpr auto kLong = std::chrono::minutes(10);

Values One() { return std::vector<std::string>{"uid:1"}; }

TEST(LocalAnswers, AnswersEveryQuestionOnce) {
  std::atomic<int> answered{0};
  std::promise<void> all;
  constexpr int kQuestions = 2000;
  LocalAnswers local;
  for (int i = 0; i < kQuestions; ++i) {
    local.Compute(
        i % 7, [](const auto&) { return One(); },
        [&](Values values) {
          EXPECT_TRUE(values.ok());
          if (++answered == kQuestions) all.set_value();
        },
        kLong);
  }
  all.get_future().wait();
  EXPECT_EQ(answered, kQuestions);
}

TEST(LocalAnswers, OneOwnersHungFilesHoldNobodyElse) {
  std::promise<void> release;
  const std::shared_future<void> released = release.get_future().share();
  std::promise<void> hung_answered, other_answered;
  std::atomic<int> hung{0};
  {
    LocalAnswers local;
    for (size_t i = 0; i < 3 * LocalAnswers::kThreads; ++i) {
      local.Compute(
          7,
          [released, &hung](const auto&) {
            ++hung;
            released.wait();
            return One();
          },
          [](Values) {}, kLong);
    }
    local.Compute(
        8, [](const auto&) { return One(); },
        [&](Values values) {
          EXPECT_TRUE(values.ok());
          other_answered.set_value();
        },
        kLong);
    other_answered.get_future().wait();
    EXPECT_LE(hung, static_cast<int>(LocalAnswers::kPerKey));
    release.set_value();
  }
}

TEST(LocalAnswers, AHungQuestionIsAnsweredAndNoLongerWanted) {
  std::promise<Values> answered;
  std::promise<bool> wanted_after;
  std::promise<void> release;
  LocalAnswers local;
  local.Compute(
      7,
      [&, released = release.get_future().share()](const std::function<bool()>& wanted) {
        released.wait();
        wanted_after.set_value(wanted());
        return One();
      },
      [&](Values values) { answered.set_value(std::move(values)); }, std::chrono::milliseconds(1));
  const Values values = answered.get_future().get();
  EXPECT_EQ(values.status().code(), absl::StatusCode::kUnavailable);
  release.set_value();
  EXPECT_FALSE(wanted_after.get_future().get());
}

}  // namespace
}  // namespace belfry::plugin
