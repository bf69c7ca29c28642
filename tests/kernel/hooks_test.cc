// Two programs that see the same: which, and what the one may say for the other.
#include "kernel/hooks.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string_view>

namespace belfry::kernel {
namespace {

const Hook& Named(std::string_view name) {
  return *std::find_if(AllHooks().begin(), AllHooks().end(), [&](const Hook& hook) { return name == hook.name; });
}

TEST(Hooks, ATwinIsAHook) {
  for (const Hook& hook : AllHooks()) {
    if (hook.twin == nullptr) continue;
    const auto twins = std::count_if(AllHooks().begin(), AllHooks().end(),
                                     [&](const Hook& other) { return std::string_view(hook.twin) == other.name; });
    EXPECT_EQ(twins, 1) << hook.name;
  }
}

TEST(Hooks, WhoSeesTheSame) {
  const Hook &exec = Named("process_exec"), &held = Named("held_exec"), &fork = Named("held_fork");
  EXPECT_TRUE(SeeTheSame(exec, exec));
  EXPECT_TRUE(SeeTheSame(exec, held));
  EXPECT_TRUE(SeeTheSame(held, exec));
  EXPECT_FALSE(SeeTheSame(held, fork));
  EXPECT_FALSE(SeeTheSame(exec, fork));
}

// One that always reads 0 would hide what the other missed.
TEST(Hooks, WhoseSkippedRunsAreCounted) {
  EXPECT_FALSE(CountsMissedRuns(Named("held_trace"), {6, 6}));
  EXPECT_TRUE(CountsMissedRuns(Named("held_trace"), {6, 7}));
  EXPECT_TRUE(CountsMissedRuns(Named("held_trace"), {7, 0}));
  EXPECT_TRUE(CountsMissedRuns(Named("process_exec"), {5, 10}));
}

}  // namespace
}  // namespace belfry::kernel
