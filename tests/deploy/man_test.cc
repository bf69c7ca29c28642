// The manual names every option, verb, key and metric that the built programs have.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "deploy/execute.h"
#include "effect/metrics.h"
#include "support/temporary_folder.h"

namespace belfry::deploy {
namespace {

using ::testing::HasSubstr;

std::string Page(const std::string& name) {
  std::ifstream in(BELFRY_SOURCE_DIR "/deploy/man/" + name);
  return {std::istreambuf_iterator<char>(in), {}};
}

// mdoc writes --json as "Fl -json".
bool NamesOption(const std::string& page, const std::string& option) {
  return std::regex_search(page, std::regex("Fl " + option.substr(1) + "(?![a-z-])"));
}

TEST(Man, NamesEveryVerbAndOption) {
  const std::string belfry = Page("belfry.1"), belfryd = Page("belfryd.8");
  for (const Command& command : Commands()) {
    const size_t space = command.words.find(' ');
    const std::string& page = command.words == "belfryd" ? belfryd : belfry;
    const bool verb = space != std::string::npos && command.verbs.empty();
    if (verb) {
      EXPECT_THAT(page, HasSubstr(".It Cm " + command.words.substr(space + 1) + "\n"));
    }
    for (const std::string& option : command.options) EXPECT_TRUE(NamesOption(page, option)) << command.words << " " << option;
  }
}

TEST(Man, NamesEveryMetricWithItsWords) {
  const std::string page = Page("belfryd.8");
  for (const effect::MetricName& metric : effect::MetricNames()) {
    EXPECT_THAT(page, HasSubstr("\n.It " + metric.name + " Ta "));
    EXPECT_THAT(page, HasSubstr(" Ta " + metric.help + "\n")) << metric.name;
  }
}

// A key that nobody knows is answered with those that there are.
std::set<std::string> KeysAt(const std::string& yaml) {
  const support::TemporaryFolder folder;
  const std::string said = Execute(BELFRY_BUILD_DIR "/bin/belfryd --check --config " + folder.Write("b.yaml", yaml)).said;
  static const std::regex listed("unknown key \"?nobody\"?.*\\(([a-z0-9_, ]+)\\)(?:;|\n)");
  std::smatch found;
  std::set<std::string> keys;
  if (!std::regex_search(said, found, listed)) return keys;
  const std::string all = found[1];
  static const std::regex word("[a-z0-9_]+");
  for (std::sregex_iterator at(all.begin(), all.end(), word), end; at != end; ++at) keys.insert(at->str());
  return keys;
}

struct Place {
  const char* name;
  const char* yaml;
};
class ManOfKeys : public ::testing::TestWithParam<Place> {};

TEST_P(ManOfKeys, NamesEach) {
  const std::set<std::string> keys = KeysAt(GetParam().yaml);
  ASSERT_FALSE(keys.empty()) << "belfryd lists no keys there";
  const std::string page = Page("belfry.yaml.5");
  for (const std::string& key : keys)
    EXPECT_TRUE(std::regex_search(page, std::regex("(Cm|,|\\{) " + key + "(?![a-z0-9_])"))) << key;
}

INSTANTIATE_TEST_SUITE_P(
    All, ManOfKeys,
    ::testing::Values(Place{"Top", "nobody: 1\n"}, Place{"Guard", "guards: [{nobody: 1}]\n"},
                      Place{"Agent", "guards: [{agent: {nobody: 1}}]\n"},
                      Place{"Listener", "guards: [{listener: {nobody: 1}}]\n"},
                      Place{"Except", "guards: [{except: {nobody: 1}}]\n"},
                      Place{"Rule", "guards: [{allow: [{nobody: 1}]}]\n"},
                      Place{"Not", "guards: [{allow: [{not: {nobody: 1}}]}]\n"}, Place{"Metrics", "metrics: {nobody: 1}\n"}),
    [](const auto& info) { return info.param.name; });

// The plugin has no --help that a test could ask: its table is read as it stands in the source.
TEST(Man, NamesEveryKeyOfThePlugin) {
  std::ifstream in(BELFRY_SOURCE_DIR "/userspace/plugin/configuration.cc");
  const std::string source((std::istreambuf_iterator<char>(in)), {});
  const std::string page = Page("belfry-spire-plugin.8");
  static const std::regex entry("\\{\"([a-z_]+)\", Set[A-Za-z]+\\}");
  int keys = 0;
  for (std::sregex_iterator at(source.begin(), source.end(), entry), end; at != end; ++at, ++keys)
    EXPECT_TRUE(std::regex_search(page, std::regex("\n\\.It (.*, )?" + (*at)[1].str() + "(,|\n)"))) << (*at)[1];
  EXPECT_GE(keys, 6);
  for (const char* argument : {"guard", "profile"}) EXPECT_TRUE(NamesOption(page, std::string("--") + argument));
}

TEST(Man, IsWellFormed) {
  if (!IsHere("groff")) GTEST_SKIP() << "missing here: groff";
  for (const char* page : {"belfry.1", "belfryd.8", "belfry.yaml.5", "belfry-spire-plugin.8"}) {
    const Ran ran = Execute("groff -mdoc -Tutf8 -ww -z " BELFRY_SOURCE_DIR "/deploy/man/" + std::string(page));
    EXPECT_EQ(ran.said, "") << page;
  }
}

}  // namespace
}  // namespace belfry::deploy
