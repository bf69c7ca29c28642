// Answers of a daemon that has seen much, for the golden files. Times count from kNow.
#ifndef BELFRY_TESTS_CLI_SAMPLES_H_
#define BELFRY_TESTS_CLI_SAMPLES_H_

#include <cstdint>

#include "belfry/v1/admin.pb.h"

namespace belfry::cli {

inline constexpr uint64_t kSecond = 1'000'000'000, kMinute = 60 * kSecond, kHour = 60 * kMinute, kDay = 24 * kHour;
inline constexpr uint64_t kNow = 30 * kDay;

v1::StatusReply BusyStatus();             // two guards, losses, a gap, an impostor
v1::StatusReply BusyStatusOfOneReason();  // for JSON, where the order within a map is free
v1::StatusReply HealthyStatus();          // one guard in deny, nothing lost
v1::AttestAnswer SoundAnswer();
v1::AttestAnswer WithheldAnswer();
v1::ExplainReply SwappedStory();  // exec after connect, a passed descriptor, hostile names
v1::ExplainReply HonestStory();
v1::PolicyReply NotAllowedStory();  // one field fails, one holds, one is not known

}  // namespace belfry::cli

#endif  // BELFRY_TESTS_CLI_SAMPLES_H_
