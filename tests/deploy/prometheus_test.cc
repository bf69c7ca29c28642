// The alert rules are what promtool takes, fire when they should, and the board's questions are PromQL.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <regex>
#include <set>
#include <string>

#include "deploy/execute.h"
#include "support/temporary_folder.h"

namespace belfry::deploy {
namespace {

using nlohmann::json;

const std::string kDeploy = BELFRY_SOURCE_DIR "/deploy/";

class Promtool : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!IsHere("promtool")) GTEST_SKIP() << "missing here: promtool (Debian package prometheus)";
  }
};

TEST_F(Promtool, TakesTheRules) {
  const Ran ran = Execute("promtool check rules " + kDeploy + "prometheus/belfry.rules.yml");
  EXPECT_EQ(ran.exit_code, 0) << ran.said;
}

TEST_F(Promtool, SeesThemFireWhenTheyShould) {
  const Ran ran = Execute("cd " + kDeploy + "prometheus && promtool test rules belfry.rules.test.yml");
  EXPECT_EQ(ran.exit_code, 0) << ran.said;
}

json Board() {
  std::ifstream in(kDeploy + "grafana/belfry.json");
  return json::parse(in, nullptr, false);
}

// With values in the place of Grafana's variables.
std::string Plain(std::string question) {
  for (const auto& [variable, value] :
       {std::pair("\\$__rate_interval", "5m"), std::pair("\\$__range", "1h"), std::pair("\\$(instance|guard)", ".*")})
    question = std::regex_replace(question, std::regex(variable), value);
  return question;
}

TEST_F(Promtool, TakesEveryQuestionOfTheBoard) {
  const support::TemporaryFolder folder;
  json rules = json::array();
  const json board = Board();
  for (const json& panel : board["panels"])
    for (const json& target : panel["targets"])
      rules.push_back({{"record", "board:" + std::string("q") + std::to_string(rules.size())}, {"expr", Plain(target["expr"])}});
  ASSERT_GT(rules.size(), 10u);
  const json file = {{"groups", json::array({{{"name", "board"}, {"rules", rules}}})}};  // JSON is YAML too
  const Ran ran = Execute("promtool check rules " + folder.Write("board.yml", file.dump()));
  EXPECT_EQ(ran.exit_code, 0) << ran.said;
}

TEST(Board, IsWhole) {
  const json board = Board();
  ASSERT_TRUE(board.is_object());
  EXPECT_EQ(board["uid"], "belfry");
  std::set<std::string> variables = {"__rate_interval", "__range"};
  for (const json& variable : board["templating"]["list"]) variables.insert(variable["name"]);
  std::set<int> numbers;
  for (const json& panel : board["panels"]) {
    EXPECT_TRUE(numbers.insert(panel["id"].get<int>()).second) << panel["title"];
    EXPECT_FALSE(panel["title"].get<std::string>().empty());
    EXPECT_EQ(panel["datasource"]["uid"], "${source}") << panel["title"];
    EXPECT_LE(panel["gridPos"]["x"].get<int>() + panel["gridPos"]["w"].get<int>(), 24) << panel["title"];
    for (const json& target : panel["targets"]) {
      const std::string question = target["expr"];
      static const std::regex named("\\$([a-z_]+)");
      for (std::sregex_iterator at(question.begin(), question.end(), named), end; at != end; ++at)
        EXPECT_TRUE(variables.contains((*at)[1])) << question;
    }
  }
}

}  // namespace
}  // namespace belfry::deploy
