#include "engine/config_limit.h"

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace belfry::engine {
namespace {

// Of a rate's count and of a burst: a million hours in nanoseconds fit into 64 bits.
constexpr uint32_t kCountLimit = 1'000'000;

const std::vector<std::string> kPers = {"uid", "cgroup", "exe"};  // by enum belfry_per, from 1

void ReadPer(YamlReader& reader, const YAML::Node& node, ConnectLimit& into) {
  const auto word = reader.Word(node, kPers);
  if (word) into.per = static_cast<belfry_per>(std::find(kPers.begin(), kPers.end(), *word) - kPers.begin() + 1);
}

bool ReadCount(const std::string& text, uint32_t& into) {
  return absl::SimpleAtoi(text, &into) && into > 0 && into <= kCountLimit;
}

void ReadRate(YamlReader& reader, const YAML::Node& node, ConnectLimit& into) {
  const std::string text = node.IsScalar() ? node.Scalar() : "";
  const size_t slash = text.find('/');
  const std::string period = slash == std::string::npos ? "" : text.substr(slash + 1);
  if ((period == "s" || period == "m" || period == "h") && ReadCount(text.substr(0, slash), into.count))
    into.period = period.front();
  else
    reader.Wrong(node, YamlReader::Shown(node),
                 absl::StrCat("20/s, 600/m or 5/h: a number from 1 to ", kCountLimit, " and s, m or h"));
}

void ReadBurst(YamlReader& reader, const YAML::Node& node, ConnectLimit& into) {
  if (!node.IsScalar() || !ReadCount(node.Scalar(), into.burst))
    reader.Wrong(node, YamlReader::Shown(node), absl::StrCat("a number from 1 to ", kCountLimit));
}

constexpr std::array kLimitKeys = {
    YamlReader::Key<ConnectLimit>{"per", ReadPer},
    YamlReader::Key<ConnectLimit>{"rate", ReadRate},
    YamlReader::Key<ConnectLimit>{"burst", ReadBurst},
};

}  // namespace

void ReadLimit(YamlReader& reader, const YAML::Node& node, GuardDraft& into) {
  ConnectLimit limit;
  const auto seen = reader.Map<ConnectLimit>(node, "a limit: {per, rate, burst}", kLimitKeys, limit);
  if (!node.IsMap()) return;
  for (const auto& key : kLimitKeys)
    if (!seen.contains(key.name))
      reader.Wrong(node, absl::StrCat("a limit without ", key.name), "all of { per: uid, rate: 20/s, burst: 50 }");
  into.config.limit = limit;
}

std::string LimitText(const ConnectLimit& limit) {
  const std::string per = limit.per == BELFRY_PER_NOBODY ? "nobody" : kPers[limit.per - 1];
  return absl::StrCat(limit.count, "/", std::string(1, limit.period), " per ", per, ", burst ", limit.burst);
}

}  // namespace belfry::engine
