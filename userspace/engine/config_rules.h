// `allow` of a guard: a list of rules, read by a table of fields.
#ifndef BELFRY_ENGINE_CONFIG_RULES_H_
#define BELFRY_ENGINE_CONFIG_RULES_H_

#include <yaml-cpp/yaml.h>

#include <optional>
#include <string>

#include "engine/config_schema.h"
#include "engine/yaml_reader.h"
#include "host/user_names.h"

namespace belfry::engine {

void ReadRules(YamlReader& reader, const YAML::Node& node, GuardDraft& into);

// A number, or a name of `known`; `kind` is "user" or "group". nullopt: a mistake was noted.
std::optional<uint32_t> ReadAccount(YamlReader& reader, const YAML::Node& node, const host::NumbersByName& known,
                                    const std::string& kind);

}  // namespace belfry::engine

#endif  // BELFRY_ENGINE_CONFIG_RULES_H_
