#include "engine/yaml_reader.h"

#include <algorithm>
#include <limits>
#include <numeric>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "kit/escape.h"

namespace belfry::engine {
namespace {

constexpr size_t kShownBytes = 64;
constexpr size_t kMistakesKept = 100;

size_t EditDistance(const std::string& a, const std::string& b) {
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), 0);
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t above = row[j];
      row[j] = std::min({above + 1, row[j - 1] + 1, diagonal + (a[i - 1] == b[j - 1] ? 0 : 1)});
      diagonal = above;
    }
  }
  return row[b.size()];
}

}  // namespace

std::string Nearest(const std::string& word, std::span<const std::string> known) {
  if (word.empty() || word.size() > kShownBytes) return "";
  std::string best;
  size_t best_distance = std::numeric_limits<size_t>::max();
  for (const std::string& candidate : known) {
    const size_t distance = EditDistance(word, candidate);
    const size_t longer = std::max(word.size(), candidate.size());
    const size_t allowed = longer < 4 ? 1 : std::max<size_t>(2, longer / 3);  // two letters swapped count as two
    if (distance > allowed || distance >= best_distance) continue;
    best = candidate;
    best_distance = distance;
  }
  return best;
}

std::string YamlReader::Shown(const YAML::Node& node) {
  if (node.IsScalar()) return absl::StrCat("\"", kit::Escape(node.Scalar(), kShownBytes), "\"");
  if (node.IsSequence()) return "a list";
  if (node.IsMap()) return "a map";
  return "nothing";
}

void YamlReader::WrongAt(int line, int column, const std::string& message) {
  if (mistakes_.size() == kMistakesKept)
    ++more_mistakes_;
  else
    mistakes_.push_back(absl::StrCat(kit::Escape(file_), ":", line, ":", column, ": ", message));
}

void YamlReader::Wrong(const YAML::Node& node, const std::string& found, const std::string& expected,
                       std::span<const std::string> known, const std::string& near) {
  std::string message = absl::StrCat("found ", found, ", expected ", expected);
  if (!known.empty()) absl::StrAppend(&message, " (", absl::StrJoin(known, ", "), ")");
  const std::string meant = Nearest(near, known);
  if (!meant.empty()) absl::StrAppend(&message, "; did you mean \"", meant, "\"?");
  const YAML::Mark mark = node.Mark();
  WrongAt(mark.is_null() ? 1 : mark.line + 1, mark.is_null() ? 1 : mark.column + 1, message);
}

std::optional<std::string> YamlReader::Text(const YAML::Node& node, const std::string& expected) {
  if (node.IsScalar() && !node.Scalar().empty()) return node.Scalar();
  Wrong(node, Shown(node), expected);
  return std::nullopt;
}

std::optional<bool> YamlReader::Truth(const YAML::Node& node) {
  if (node.IsScalar() && node.Scalar() == "true") return true;
  if (node.IsScalar() && node.Scalar() == "false") return false;
  Wrong(node, Shown(node), "true or false");
  return std::nullopt;
}

std::optional<uint32_t> YamlReader::Number(const YAML::Node& node, const std::string& expected) {
  uint32_t value = 0;
  if (node.IsScalar() && absl::SimpleAtoi(node.Scalar(), &value)) return value;
  Wrong(node, Shown(node), expected);
  return std::nullopt;
}

std::optional<std::string> YamlReader::Word(const YAML::Node& node, std::span<const std::string> known) {
  const std::string word = node.IsScalar() ? node.Scalar() : "";
  if (std::find(known.begin(), known.end(), word) != known.end()) return word;
  Wrong(node, Shown(node), "one word of these", known, word);
  return std::nullopt;
}

std::optional<std::string> YamlReader::AbsolutePath(const YAML::Node& node, size_t limit) {
  if (!node.IsScalar() || node.Scalar().empty() || node.Scalar()[0] != '/') {
    Wrong(node, Shown(node), "an absolute path, such as /run/spire/agent/public/api.sock");
    return std::nullopt;
  }
  const std::string& path = node.Scalar();
  if (path.size() > limit || path.find('\0') != std::string::npos) {
    Wrong(node, absl::StrCat("a path of ", path.size(), " bytes"),
          absl::StrCat("at most ", limit, " bytes, the limit of a socket's name"));
    return std::nullopt;
  }
  return path;
}

void YamlReader::List(const YAML::Node& node, const std::string& of,
                      const std::function<void(const YAML::Node&)>& each) {
  if (!node.IsSequence()) {
    Wrong(node, Shown(node), absl::StrCat("a list of ", of));
    return;
  }
  for (const auto& element : node) each(element);
}

}  // namespace belfry::engine
