// `metrics` of the configuration: where they are answered, on this machine only.
#ifndef BELFRY_ENGINE_CONFIG_METRICS_H_
#define BELFRY_ENGINE_CONFIG_METRICS_H_

#include <yaml-cpp/yaml.h>

#include "engine/config_schema.h"
#include "engine/yaml_reader.h"

namespace belfry::engine {

void ReadMetrics(YamlReader& reader, const YAML::Node& node, Draft& into);

}  // namespace belfry::engine

#endif  // BELFRY_ENGINE_CONFIG_METRICS_H_
