// `limit` of a guard: { per: uid, rate: 20/s, burst: 50 }.
#ifndef BELFRY_ENGINE_CONFIG_LIMIT_H_
#define BELFRY_ENGINE_CONFIG_LIMIT_H_

#include <yaml-cpp/yaml.h>

#include "engine/config_schema.h"
#include "engine/yaml_reader.h"

namespace belfry::engine {

void ReadLimit(YamlReader& reader, const YAML::Node& node, GuardDraft& into);

}  // namespace belfry::engine

#endif  // BELFRY_ENGINE_CONFIG_LIMIT_H_
