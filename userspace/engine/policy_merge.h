// Adds what was learnt to a policy file, as text: nothing that is there is changed, comments stay where they are.
//
// The result is read again before it is given out: it holds every rule that was there, in its order, and the new ones
// behind them. InvalidArgument: the file has mistakes (one a line). FailedPrecondition: it is written in a way that
// nothing can be put into.
#ifndef BELFRY_ENGINE_POLICY_MERGE_H_
#define BELFRY_ENGINE_POLICY_MERGE_H_

#include <string>

#include "absl/status/statusor.h"
#include "engine/learnt.h"
#include "host/user_names.h"

namespace belfry::engine {

struct Merged {
  std::string text;
  size_t rules_added = 0, guards_added = 0;
  std::vector<std::string> notes;  // what the operator has to decide
};
absl::StatusOr<Merged> MergePolicy(const std::string& file, const std::string& text, const Learnt& learnt,
                                   const host::Accounts& accounts);

}  // namespace belfry::engine

#endif  // BELFRY_ENGINE_POLICY_MERGE_H_
