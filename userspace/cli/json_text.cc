#include "cli/json_text.h"

#include <google/protobuf/util/json_util.h>

#include <memory>

namespace belfry::cli {

std::string JsonText(const google::protobuf::Message& message) {
  std::unique_ptr<google::protobuf::Message> copy(message.New());
  copy->CopyFrom(message);
  if (const auto* schema = copy->GetDescriptor()->FindFieldByName("schema")) {
    copy->GetReflection()->SetUInt32(copy.get(), schema, 1);
  }
  google::protobuf::util::JsonPrintOptions options;
  options.add_whitespace = true;
  options.preserve_proto_field_names = true;
  options.always_print_primitive_fields = true;
  std::string text;
  const auto status = google::protobuf::util::MessageToJsonString(*copy, &text, options);
  return status.ok() ? text : "{\"schema\": 1, \"error\": \"the answer has no JSON form\"}\n";
}

}  // namespace belfry::cli
