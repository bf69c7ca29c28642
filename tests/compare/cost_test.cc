// README's table of cost is vmtests/cost.csv, which the case cost holds against what it measures.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <sstream>
#include <string>

namespace belfry::compare {
namespace {

using ::testing::HasSubstr;

std::string Content(const std::string& path) {
  std::ifstream in(std::string(BELFRY_SOURCE_DIR "/") + path);
  return {std::istreambuf_iterator<char>(in), {}};
}

// 3045: "+3,045".
std::string Added(const std::string& number) {
  if (number == "0") return number;
  const size_t thousands = number.size() > 3 ? number.size() - 3 : 0;
  return "+" + number.substr(0, thousands) + (thousands > 0 ? "," : "") + number.substr(thousands);
}

TEST(Cost, TheReadmeQuotesWhatIsMeasured) {
  const std::map<std::string, std::string> in_words = {{"guarded_connect", "connect to a guarded socket"},
                                                       {"ruled_connect", "the same, held against two rules"},
                                                       {"other_connect", "connect to any other unix socket"},
                                                       {"other_tcp_connect", "connect to any other TCP port"},
                                                       {"send_receive", "send and receive on any other unix socket"}};
  std::istringstream budget(Content("vmtests/cost.csv"));
  const std::string readme = Content("README.md");
  size_t quoted = 0;
  for (std::string line; std::getline(budget, line);) {
    std::istringstream cells(line);
    std::string operation, lsm, mod, cgroup;
    std::getline(cells, operation, ',');
    if (!in_words.contains(operation)) continue;
    std::getline(cells, lsm, ',');
    std::getline(cells, mod, ',');
    std::getline(cells, cgroup, ',');
    const size_t row = readme.find("\n| " + in_words.at(operation) + " | ");
    ASSERT_NE(row, std::string::npos) << operation;
    const std::string shown = readme.substr(row + 1, readme.find('\n', row + 1) - row - 1);
    EXPECT_THAT(shown, HasSubstr(" | " + Added(lsm) + " | " + Added(mod) + " | " + Added(cgroup) + " |"));
    ++quoted;
  }
  EXPECT_EQ(quoted, in_words.size());
}

}  // namespace
}  // namespace belfry::compare
