// plugin_data's text, understood: the top-level settings, in their order.
//
// What stands inside nested objects and lists is checked and dropped: no setting of ours has them.
// Errors are InvalidArgument with line and column. Pure; thread-safe. Limits: 64 KiB of text, 64 levels.
#ifndef BELFRY_PLUGIN_HCL_H_
#define BELFRY_PLUGIN_HCL_H_

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "plugin/hcl_scanner.h"

namespace belfry::plugin {

inline constexpr size_t kConfigurationLimit = 64 << 10;

struct HclSetting {
  enum Kind { kNull, kBool, kNumber, kFloat, kString, kHeredoc, kObject, kList };
  std::string name;  // as written
  Position at;       // of the name
  Kind kind = kNull;
  std::string text;  // of a scalar: a string's value, anything else as written
  Position value_at;
};

absl::StatusOr<std::vector<HclSetting>> ParseHcl(std::string_view text);

}  // namespace belfry::plugin

#endif  // BELFRY_PLUGIN_HCL_H_
