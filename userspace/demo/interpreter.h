// Which loader the kernel starts for an executable: PT_INTERP of its ELF header, with symlinks followed.
#ifndef BELFRY_DEMO_INTERPRETER_H_
#define BELFRY_DEMO_INTERPRETER_H_

#include <string>

#include "absl/status/statusor.h"

namespace belfry::demo {

// NotFound for a static executable. 64-bit ELF of this machine's byte order only.
absl::StatusOr<std::string> InterpreterOf(const std::string& executable);

}  // namespace belfry::demo

#endif  // BELFRY_DEMO_INTERPRETER_H_
