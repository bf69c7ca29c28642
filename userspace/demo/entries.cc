#include "demo/entries.h"

#include <algorithm>
#include <set>

namespace belfry::demo {

std::vector<Entry> EntriesFrom(const Json& json) {
  std::vector<Entry> entries;
  for (const Json& one : json) {
    entries.push_back({one.value("id", ""), one.value("selectors", std::vector<std::string>())});
  }
  return entries;
}

Json EntriesJson(const std::vector<Entry>& entries) {
  Json json = Json::array();
  for (const Entry& entry : entries) json.push_back({{"id", entry.spiffe_id}, {"selectors", entry.selectors}});
  return json;
}

std::vector<std::string> Earned(const std::vector<Entry>& entries, const std::vector<std::string>& values) {
  std::set<std::string> have;
  for (const std::string& value : values) have.insert("unix:" + value);
  std::vector<std::string> earned;
  for (const Entry& entry : entries) {
    const bool all = std::all_of(entry.selectors.begin(), entry.selectors.end(),
                                 [&](const std::string& wanted) { return have.count(wanted) != 0; });
    if (all && !entry.selectors.empty()) earned.push_back(entry.spiffe_id);
  }
  return earned;
}

}  // namespace belfry::demo
