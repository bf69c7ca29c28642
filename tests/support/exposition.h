// Prometheus' text as the tests read it: one series a line, with its labels.
#ifndef BELFRY_TESTS_SUPPORT_EXPOSITION_H_
#define BELFRY_TESTS_SUPPORT_EXPOSITION_H_

#include <map>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <vector>

namespace belfry::support {

struct Series {
  std::string name;
  std::map<std::string, std::string> labels;
  double value = 0;
};

// Lines that are neither comments nor series come back as a series named by the whole line, which no test expects.
inline std::vector<Series> SeriesOf(const std::string& text) {
  static const std::regex line_of(R"(([a-z_]+)(?:\{(.*)\})? ([-+0-9.eEinfNa]+))");
  static const std::regex label_of(R"re(([a-z_]+)="((?:[^"\\]|\\.)*)"(?:,|$))re");
  std::vector<Series> all;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (line.empty() || line[0] == '#') continue;
    std::smatch found;
    Series& series = all.emplace_back();
    if (!std::regex_match(line, found, line_of)) {
      series.name = line;
      continue;
    }
    series.name = found[1];
    series.value = std::stod(found[3]);
    const std::string labels = found[2];
    for (std::sregex_iterator at(labels.begin(), labels.end(), label_of), end; at != end; ++at)
      series.labels[(*at)[1]] = (*at)[2];
  }
  return all;
}

// Of the TYPE lines: a histogram is one name.
inline std::set<std::string> FamiliesOf(const std::string& text) {
  static const std::regex type_of(R"(# TYPE ([a-z_]+) [a-z]+)");
  std::set<std::string> names;
  for (std::sregex_iterator at(text.begin(), text.end(), type_of), end; at != end; ++at) names.insert((*at)[1]);
  return names;
}

// -1: there is no such series.
inline double ValueOf(const std::string& text, const std::string& name, const std::map<std::string, std::string>& labels) {
  for (const Series& series : SeriesOf(text))
    if (series.name == name && series.labels == labels) return series.value;
  return -1;
}

// Files below deploy/ that name metrics.
inline constexpr const char* kNamingMetrics[] = {"grafana/belfry.json", "prometheus/belfry.rules.yml",
                                                 "prometheus/belfry.rules.test.yml"};

inline std::set<std::string> MetricsNamedIn(const std::string& text) {
  static const std::regex metric("\\bbelfry_[a-z_]+");
  std::set<std::string> names;
  for (std::sregex_iterator at(text.begin(), text.end(), metric), end; at != end; ++at) names.insert(at->str());
  return names;
}

// A histogram is asked for by the names of its series.
inline std::set<std::string> NamedButNotIn(const std::set<std::string>& families, const std::string& text) {
  std::set<std::string> unknown;
  for (const std::string& name : MetricsNamedIn(text))
    if (!families.contains(name) && !families.contains(std::regex_replace(name, std::regex("_(bucket|sum|count)$"), "")))
      unknown.insert(name);
  return unknown;
}

}  // namespace belfry::support

#endif  // BELFRY_TESTS_SUPPORT_EXPOSITION_H_
