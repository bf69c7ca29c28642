// `belfry attest`: what SPIRE's agent would be told, and why. Pure: proto in, text out.
#ifndef BELFRY_CLI_RENDER_ATTEST_H_
#define BELFRY_CLI_RENDER_ATTEST_H_

#include <string>
#include <string_view>

#include "belfry/v1/admin.pb.h"
#include "cli/screen.h"

namespace belfry::cli {

Colour VerdictColour(std::string_view verdict);

// "spire-agent (deny): withheld", coloured.
std::string VerdictLine(const v1::AttestAnswer& answer, const Screen& screen);

// Each reason with its meaning and what to do, indented.
std::string ReasonParagraphs(const google::protobuf::RepeatedPtrField<std::string>& reasons, const Screen& screen,
                             size_t indent);

std::string RenderAttest(const v1::AttestAnswer& answer, const Screen& screen);

}  // namespace belfry::cli

#endif  // BELFRY_CLI_RENDER_ATTEST_H_
