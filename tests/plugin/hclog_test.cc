#include "plugin/hclog.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <nlohmann/json.hpp>
#include <regex>

#include "plugin/keepsake.h"

namespace belfry::plugin {
namespace {

using nlohmann::json;

TEST(Hclog, IsOneObjectOfStringsWithSixDigits) {
  const auto at = std::chrono::system_clock::time_point(std::chrono::microseconds(1790000000000042));
  const std::string line =
      HclogLine(LogLevel::kWarn, "withheld \"x\"\n\x1b[31m\xff", {{"pid", "7"}, {"path", "/a\\b"}}, at);
  ASSERT_EQ(line.back(), '\n');
  ASSERT_EQ(line.find('\n'), line.size() - 1);
  const json object = json::parse(line);
  for (const auto& [key, value] : object.items()) EXPECT_TRUE(value.is_string()) << key;
  EXPECT_EQ(object["@level"], "warn");
  EXPECT_EQ(object["@timestamp"], "2026-09-21T14:13:20.000042Z");
  EXPECT_EQ(object["@message"], "withheld \"x\"\\x0a\\x1b[31m\\xff");
  EXPECT_EQ(object["path"], "/a\\x5cb");
}

TEST(Hclog, StaysBelowPipeBufWhateverItIsGiven) {
  LogFields fields;
  for (int i = 0; i < 40; ++i) fields.emplace_back("field", std::string(5000, "\"\\x\xff"[i % 4]));
  const std::string line = HclogLine(LogLevel::kError, std::string(100000, '"'), fields, {});
  EXPECT_LT(line.size(), 4096u);
  EXPECT_TRUE(json::accept(line)) << line;
}

TEST(Hclog, DropsRatherThanBlocksAndSaysSo) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  fcntl(ends[1], F_SETPIPE_SZ, 4096);
  Hclog log(ends[1]);
  for (int i = 0; i < 200; ++i) log.Write(LogLevel::kInfo, "line");  // would block for ever
  std::string read_back(1 << 16, '\0');
  ASSERT_GT(read(ends[0], read_back.data(), read_back.size()), 0);
  log.Write(LogLevel::kInfo, "last");
  const ssize_t got = read(ends[0], read_back.data(), read_back.size());
  ASSERT_GT(got, 0);
  const json last = json::parse(read_back.substr(0, got));
  EXPECT_EQ(last["@message"], "last");
  EXPECT_GT(std::stoi(last["dropped"].get<std::string>()), 100);
  close(ends[0]);
  close(ends[1]);
}

TEST(Keepsake, KeepsTheLastWholeText) {
  auto keepsake = Keepsake::Make();
  ASSERT_TRUE(keepsake.ok());
  EXPECT_EQ((*keepsake)->Configuration(), std::nullopt);
  EXPECT_EQ((*keepsake)->Mode(), std::nullopt);
  for (const char* text : {"one", "", "three = 3"}) {
    (*keepsake)->KeepConfiguration(text);
    EXPECT_EQ((*keepsake)->Configuration(), text);
  }
  (*keepsake)->KeepMode(verdict::Mode::kDeny);
  EXPECT_EQ((*keepsake)->Mode(), verdict::Mode::kDeny);
}

}  // namespace
}  // namespace belfry::plugin
