// A guard's rules in the words of the kernel part (belfry/rules.h).
//
// Paths become the files they lead to now, users and groups their numbers. What the kernel part cannot know of an opener
// makes a rule unsure: if that comes first, the gate decides. Pure but for the number; loop thread only.
#ifndef BELFRY_ENGINE_KERNEL_RULES_H_
#define BELFRY_ENGINE_KERNEL_RULES_H_

#include <memory>
#include <string>
#include <vector>

#include "engine/exe_files.h"
#include "engine/guard.h"
#include "kernel/kernel.h"

namespace belfry::engine {

// Null: the guard has no rules, or more than the kernel part takes.
// The one that the guard has, if nothing of it is different; else under a new number.
std::shared_ptr<const kernel::PolicyRules> CompileRules(const Guard& guard, const ExeFiles& files);

// Why some connect may be for userspace to decide: more rules, or fields ("sha256", "unit"), than the kernel part takes.
// Empty: none of them asks for such.
std::string WhyLate(const GuardConfig& guard);

}  // namespace belfry::engine

#endif  // BELFRY_ENGINE_KERNEL_RULES_H_
