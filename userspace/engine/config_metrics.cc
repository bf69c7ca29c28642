#include "engine/config_metrics.h"

#include <string>

#include "engine/config_rules.h"
#include "service/loopback.h"

namespace belfry::engine {
namespace {

using YAML::Node;

void ReadUnix(YamlReader& reader, const Node& node, Draft& into) {
  if (const auto path = reader.AbsolutePath(node, kSunPathLimit)) into.config.metrics->path = *path;
}
void ReadGroup(YamlReader& reader, const Node& node, Draft& into) {
  into.config.metrics->gid = ReadAccount(reader, node, into.accounts->groups, "group");
}
void ReadTcp(YamlReader& reader, const Node& node, Draft& into) {
  const auto address = service::ParseLoopback(node.IsScalar() ? node.Scalar() : "");
  if (address.ok())
    into.config.metrics->tcp = *address;
  else
    reader.Wrong(node, node.IsScalar() ? std::string(address.status().message()) : YamlReader::Shown(node),
                 "a port, 127.0.0.1:PORT or [::1]:PORT; for others than this machine, a proxy that knows who asks");
}

constexpr YamlReader::Key<Draft> kMetricsKeys[] = {{"unix", ReadUnix}, {"group", ReadGroup}, {"tcp", ReadTcp}};

}  // namespace

void ReadMetrics(YamlReader& reader, const Node& node, Draft& into) {
  into.metrics_node = node;
  into.config.metrics.emplace();
  const auto seen = reader.Map<Draft>(node, "metrics: {} (a socket in run_dir), {unix, group} or {tcp}", kMetricsKeys, into);
  if (seen.contains("tcp") && (seen.contains("unix") || seen.contains("group")))
    reader.Wrong(node, "tcp with unix or group", "one of unix (with group) and tcp");
}

}  // namespace belfry::engine
