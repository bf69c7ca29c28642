// The words of the configuration file, as tables of keys.
#ifndef BELFRY_ENGINE_CONFIG_SCHEMA_H_
#define BELFRY_ENGINE_CONFIG_SCHEMA_H_

#include <yaml-cpp/yaml.h>

#include <utility>
#include <vector>

#include "engine/config.h"
#include "engine/yaml_reader.h"

namespace belfry::engine {

struct Draft;

// A guard while it is read: places are kept until everything that refers to another place has been checked.
struct GuardDraft {
  GuardConfig config;
  Draft* draft = nullptr;
  YAML::Node name_node;
  std::vector<std::pair<GuardedSocket, YAML::Node>> sockets;
};
struct Draft {
  Config config;
  YAML::Node metrics_node;
  const host::Accounts* accounts = nullptr;
  size_t rules = 0, values = 0;  // so far
  std::vector<GuardDraft> guards;
};

void ReadDraft(YamlReader& reader, const YAML::Node& root, Draft& draft);

}  // namespace belfry::engine

#endif  // BELFRY_ENGINE_CONFIG_SCHEMA_H_
