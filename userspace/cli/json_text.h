// What --json prints: one object, the proto's own field names, every field present, "schema": 1. Pure.
// 64-bit numbers are strings, as the proto JSON mapping has it.
#ifndef BELFRY_CLI_JSON_TEXT_H_
#define BELFRY_CLI_JSON_TEXT_H_

#include <google/protobuf/message.h>

#include <string>

namespace belfry::cli {

// `schema` is set to 1 where the message has that field. Indented, newline at the end.
std::string JsonText(const google::protobuf::Message& message);

}  // namespace belfry::cli

#endif  // BELFRY_CLI_JSON_TEXT_H_
