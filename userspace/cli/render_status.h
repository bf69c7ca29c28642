// `belfry status`: guards, counters, losses and gaps. Pure: proto in, text out.
#ifndef BELFRY_CLI_RENDER_STATUS_H_
#define BELFRY_CLI_RENDER_STATUS_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "belfry/v1/admin.pb.h"
#include "cli/screen.h"

namespace belfry::cli {

Colour HealthColour(std::string_view health);  // of "kept", "degraded", "blind", and of a finding's severity

// now_ns: CLOCK_BOOTTIME, as all times of the reply.
std::string RenderStatus(const v1::StatusReply& reply, const Screen& screen, uint64_t now_ns);

}  // namespace belfry::cli

#endif  // BELFRY_CLI_RENDER_STATUS_H_
