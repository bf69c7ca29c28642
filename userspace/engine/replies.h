// What is known, in the words of the protos. Reads the world, changes nothing. Loop thread only.
#ifndef BELFRY_ENGINE_REPLIES_H_
#define BELFRY_ENGINE_REPLIES_H_

#include <string>

#include "belfry/v1/admin.pb.h"
#include "belfry/v1/attest.pb.h"
#include "engine/engine.h"

namespace belfry::engine {

v1::Mode ModeOf(verdict::Mode mode);
v1::JudgeReply JudgeReplyOf(const Guard& guard, const Question& question, const Answer& answer);
// `profile`: "unix" or "belfry".
v1::AttestAnswer AttestAnswerOf(Engine& engine, const Guard& guard, const Question& question, const Answer& answer,
                                const std::string& profile);
v1::StatusReply StatusOf(Engine& engine);
// All but the answers. `known` is false if nothing is known of that number.
v1::ExplainReply ExplainOf(Engine& engine, int32_t asked_pid, uint32_t tgid);

}  // namespace belfry::engine

#endif  // BELFRY_ENGINE_REPLIES_H_
