// `belfry explain`: the evidence about one process in plain words. Pure: proto in, text out.
#ifndef BELFRY_CLI_RENDER_EXPLAIN_H_
#define BELFRY_CLI_RENDER_EXPLAIN_H_

#include <cstdint>
#include <string>

#include "belfry/v1/admin.pb.h"
#include "cli/screen.h"

namespace belfry::cli {

// now_ns: CLOCK_BOOTTIME, as all times of the story.
std::string RenderExplain(const v1::ExplainReply& reply, const Screen& screen, uint64_t now_ns);

}  // namespace belfry::cli

#endif  // BELFRY_CLI_RENDER_EXPLAIN_H_
