#include "plugin/hcl.h"

#include <gtest/gtest.h>

#include <random>

#include "plugin/configuration.h"

namespace belfry::plugin {
namespace {

struct Case {
  const char* text;
  const char* names;  // "name=kind:text ..." or "error LINE:COLUMN"
};

std::string Shown(const absl::StatusOr<std::vector<HclSetting>>& settings) {
  if (!settings.ok()) {
    const std::string message(settings.status().message());
    int line = 0, column = 0;
    if (sscanf(message.c_str(), "reading plugin_data: line %d, column %d:", &line, &column) != 2) return message;
    return "error " + std::to_string(line) + ":" + std::to_string(column);
  }
  static constexpr const char* kKinds[] = {"null", "bool", "number", "float", "string", "heredoc", "object", "list"};
  std::string out;
  for (const HclSetting& setting : *settings) {
    out += (out.empty() ? "" : " ") + setting.name + "=" + kKinds[setting.kind] + ":" + setting.text;
  }
  return out;
}

class HclTable : public testing::TestWithParam<Case> {};

TEST_P(HclTable, ReadsAsHashicorpDoes) { EXPECT_EQ(Shown(ParseHcl(GetParam().text)), GetParam().names); }

INSTANTIATE_TEST_SUITE_P(Hcl, HclTable,
                         testing::Values(Case{"", ""}, Case{"# only a comment", ""}, Case{"a = true", "a=bool:true"},
                                         Case{"a = true\nb = 12\n", "a=bool:true b=number:12"},
                                         Case{"a = -3, b = \"x\"", "a=number:-3 b=string:x"},
                                         Case{"\"quoted key\" = 1", "quoted key=number:1"},
                                         Case{"a = 0x1F b = 017", "a=number:0x1F b=number:017"},
                                         Case{"a = 1.5 b = 1e3 c = .5", "a=float:1.5 b=float:1e3 c=float:.5"},
                                         Case{"/* block\n */ a = 1 // rest", "a=number:1"},
                                         Case{"a = \"q\\\"\\\\\\n\\u00e9\\x41\"", "a=string:q\"\\\n\u00e9A"},
                                         Case{"a = \"${env(\"X\")}\"", "a=string:${env(\"X\")}"},
                                         Case{"a = \"$x\"", "a=string:$x"}, Case{"a { b = 1 }", "a=object:"},
                                         Case{"a \"label\" { b = [1, {c = 2}, [3]] }", "a=object:"},
                                         Case{"a = [1, 2,]", "a=list:"},
                                         Case{"a = <<EOF\nx\n  EOF\nb = 1", "a=heredoc:x\n b=number:1"},
                                         Case{"a.b-c = 1", "a.b-c=number:1"}));

INSTANTIATE_TEST_SUITE_P(
    Json, HclTable,
    testing::Values(Case{"{}", ""}, Case{"  {\"a\": true, \"b\": \"10\"}", "a=bool:true b=string:10"},
                    Case{"{\"a\": null, \"b\": {\"c\": [1, true]}, \"d\": []}", "a=null:null b=object: d=list:"},
                    Case{"{\"a\": \"${x\"}", "a=string:${x"}, Case{"{\"a\": -1.5e3}", "a=float:-1.5e3"}));

INSTANTIATE_TEST_SUITE_P(
    Errors, HclTable,
    testing::Values(Case{"a", "error 1:2"}, Case{"a = ", "error 1:5"}, Case{"a = true\nb = = 1", "error 2:5"},
                    Case{"a b = 1", "error 1:5"}, Case{"a = \"x\ny\"", "error 1:5"}, Case{"a = \"\\q\"", "error 1:6"},
                    Case{"a = 1 }", "error 1:7"}, Case{"a { b = 1", "error 1:10"}, Case{"/* x", "error 1:1"},
                    Case{"a = [1 2]", "error 1:8"}, Case{"a = 0x", "error 1:5"}, Case{"a = 018", "error 1:5"},
                    Case{"a = <<EOF\nx\nEOF", "error 1:5"}, Case{"\xc3\xa9 = 1\n= 2", "error 2:1"},
                    Case{"{\"a\" 1}", "error 1:6"}, Case{"{\"a\": 01}", "error 1:7"}, Case{"{a: 1}", "error 1:2"},
                    Case{"{\"a\": 1} x", "error 1:10"}, Case{"\xff = 1", "error 1:1"}, Case{"a = @", "error 1:5"}));

TEST(Hcl, SurvivesAnyBytesAndNamesAPlace) {
  std::mt19937 random(7);
  static constexpr char kPieces[] = "{}[]=,:\"\\$<#/*-.0x9aEOFtrue\n\t \xc3\xa9\x01\xff";
  for (int round = 0; round < 20000; ++round) {
    std::string text;
    for (size_t n = random() % 40; n > 0; --n) text.push_back(kPieces[random() % (sizeof kPieces - 1)]);
    const auto settings = ParseHcl(text);
    if (!settings.ok()) EXPECT_NE(settings.status().message().find("line "), std::string::npos) << text;
  }
}

TEST(Hcl, RefusesDepthAndSize) {
  EXPECT_FALSE(ParseHcl("a = " + std::string(100000 % 60000, '[')).ok());
  EXPECT_FALSE(ParseHcl("a = \"" + std::string(kConfigurationLimit, 'x') + "\"").ok());
  EXPECT_TRUE(ParseHcl("a = " + std::string(30, '[') + std::string(30, ']')).ok());
}

TEST(Configuration, HasTheBuiltinsDefaultsAndDecoding) {
  auto read = ReadConfigurationText("", Profile::kUnix);
  ASSERT_TRUE(read.ok());
  EXPECT_FALSE(read->configuration.discover_workload_path);
  EXPECT_EQ(read->configuration.workload_size_limit, 0);
  EXPECT_EQ(read->configuration.assume, verdict::Mode::kDeny);
  EXPECT_EQ(read->configuration.attest_socket, "/run/belfry/attest.sock");
  EXPECT_EQ(read->configuration.deadline, std::chrono::seconds(2));

  read = ReadConfigurationText(
      "Discover_Workload_PATH = true\nworkload_size_limit = \"0x10\"\nassume = \"observe\"\n"
      "deadline = \"250ms\"\nprofile = \"belfry\"\nattest_socket = \"/x\"\nsurprise = 1\n"
      "workload_size_limit = 1_000",
      Profile::kUnix);
  EXPECT_FALSE(read.ok()) << "an identifier cannot follow a number";
  read = ReadConfigurationText(
      "Discover_Workload_PATH = true\nworkload_size_limit = \"1_000\"\nassume = \"observe\"\n"
      "deadline = \"250ms\"\nprofile = \"belfry\"\nattest_socket = \"/x\"\nsurprise = 1\n",
      Profile::kUnix);
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_TRUE(read->configuration.discover_workload_path);
  EXPECT_EQ(read->configuration.workload_size_limit, 1000);
  EXPECT_EQ(read->configuration.assume, verdict::Mode::kObserve);
  EXPECT_EQ(read->configuration.deadline, std::chrono::milliseconds(250));
  EXPECT_EQ(read->configuration.profile, Profile::kBelfry);
  ASSERT_EQ(read->warnings.size(), 1u);
  EXPECT_NE(read->warnings[0].find("line 7, column 1: unknown setting surprise"), std::string::npos)
      << read->warnings[0];
}

TEST(Configuration, SaysWhereAndWhatWasExpected) {
  struct {
    const char* text;
    const char* said;
  } const cases[] = {
      {"discover_workload_path = \"true\"", "line 1, column 26: discover_workload_path is not true or false"},
      {"\nworkload_size_limit = 1.5", "line 2, column 23: workload_size_limit is not a whole number"},
      {"workload_size_limit = \"ten\"", "whole number"},
      {"workload_size_limit = 99999999999999999999", "whole number"},
      {"assume = \"warn\"", "\"deny\" or \"observe\""},
      {"attest_socket = \"relative\"", "absolute path"},
      {"deadline = 2", "duration"},
      {"deadline = \"1h\"", "duration"},
      {"profile = \"other\"", "\"unix\" or \"belfry\""},
      {"assume {}", "\"deny\" or \"observe\""},
  };
  for (const auto& wrong : cases) {
    const auto read = ReadConfigurationText(wrong.text, Profile::kUnix);
    ASSERT_FALSE(read.ok()) << wrong.text;
    EXPECT_EQ(read.status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_NE(read.status().message().find(wrong.said), std::string::npos) << read.status();
  }
}

}  // namespace
}  // namespace belfry::plugin
