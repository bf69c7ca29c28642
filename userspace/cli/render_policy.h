// What a guard's rules say of a process, for people. Pure.
#ifndef BELFRY_CLI_RENDER_POLICY_H_
#define BELFRY_CLI_RENDER_POLICY_H_

#include <string>

#include "belfry/v1/admin.pb.h"
#include "cli/screen.h"

namespace belfry::cli {

std::string RenderPolicy(const v1::PolicyReply& reply, const Screen& screen);

}  // namespace belfry::cli

#endif  // BELFRY_CLI_RENDER_POLICY_H_
