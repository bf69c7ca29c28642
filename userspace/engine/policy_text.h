// What was learnt, as a policy that people read and change: stable, one rule a line, comments with counts and times.
// Pure; thread-safe.
#ifndef BELFRY_ENGINE_POLICY_TEXT_H_
#define BELFRY_ENGINE_POLICY_TEXT_H_

#include <string>
#include <vector>

#include "engine/learnt.h"
#include "host/user_names.h"

namespace belfry::engine {

// The lines of one rule, its comment first, each indented by that many blanks. Users by their names where `accounts` has
// them.
std::string RuleText(const verdict::Values& values, const Learnt::Times& times, const Learnt::Guard& guard,
                     const host::Accounts& accounts, size_t indent);
// What could not be learnt, as comments.
std::string NotLearntText(const Learnt::Guard& guard, size_t indent);
// A guard as an element of `guards`; empty if its socket is not known (a guard of several sockets).
std::string GuardText(const std::string& name, const Learnt::Guard& guard, const host::Accounts& accounts, size_t indent);

std::string PolicyText(const Learnt& learnt, const host::Accounts& accounts);

std::string QuotedForYaml(const std::string& text);  // only if it must be

}  // namespace belfry::engine

#endif  // BELFRY_ENGINE_POLICY_TEXT_H_
