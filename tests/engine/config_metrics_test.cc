// Where metrics may be answered, and every way to ask for what is not.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/config.h"

namespace belfry::engine {
namespace {

absl::StatusOr<Config> Parse(const std::string& metrics) {
  return ParseConfig("b.yaml", "version: 1\nrun_dir: /run/b\nguards: [{name: a, unix: /run/a.sock}]\n" + metrics,
                     {.users = {}, .groups = {{"prometheus", 77}}});
}

TEST(ConfigMetrics, AreOffUnlessAskedFor) {
  ASSERT_TRUE(Parse("").ok());
  EXPECT_FALSE(Parse("")->metrics.has_value());
}

TEST(ConfigMetrics, AreOnAUnixSocketOrALoopbackPort) {
  auto config = Parse("metrics: {}\n");
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->metrics, (MetricsConfig{.path = "/run/b/metrics.sock"}));
  config = Parse("metrics: {unix: /run/m.sock, group: prometheus}\n");
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->metrics, (MetricsConfig{.path = "/run/m.sock", .gid = 77}));
  for (const auto& [text, host] : {std::pair("9464", "127.0.0.1"), std::pair("127.1.2.3:9464", "127.1.2.3"),
                                   std::pair("localhost:9464", "127.0.0.1"), std::pair("\"[::1]:9464\"", "::1")}) {
    config = Parse(std::string("metrics: {tcp: ") + text + "}\n");
    ASSERT_TRUE(config.ok()) << text << ": " << config.status();
    EXPECT_EQ(config->metrics->tcp, (service::LoopbackAddress{host, 9464})) << text;
  }
}

struct Mistake {
  const char* metrics;
  const char* said;
};
class ConfigMetricsMistake : public ::testing::TestWithParam<Mistake> {};

TEST_P(ConfigMetricsMistake, IsNamedWithWhatWouldDo) {
  const auto config = Parse(std::string("metrics: ") + GetParam().metrics + "\n");
  ASSERT_FALSE(config.ok());
  EXPECT_THAT(std::string(config.status().message()), ::testing::HasSubstr(GetParam().said));
  EXPECT_THAT(std::string(config.status().message()), ::testing::StartsWith("b.yaml:"));
}

constexpr char kLoopbackOnly[] = "expected a port, 127.0.0.1:PORT or [::1]:PORT; for others than this machine, a proxy";
INSTANTIATE_TEST_SUITE_P(
    All, ConfigMetricsMistake,
    ::testing::Values(Mistake{"{tcp: \"0.0.0.0:9464\"}", "found 0.0.0.0:9464, which others than this machine can reach"},
                      Mistake{"{tcp: \"0.0.0.0:9464\"}", kLoopbackOnly},
                      Mistake{"{tcp: \"192.0.2.7:9464\"}", "which others than this machine can reach"},
                      Mistake{"{tcp: \"[::]:9464\"}", "which others than this machine can reach"},
                      Mistake{"{tcp: \"[::ffff:127.0.0.1]:9464\"}", "which others than this machine can reach"},
                      Mistake{"{tcp: \"example.org:9464\"}", "which is no address"},
                      Mistake{"{tcp: 0}", "no port from 1 to 65535"}, Mistake{"{tcp: 65536}", "no port from 1 to 65535"},
                      Mistake{"{tcp: \"127.0.0.1\"}", "no port from 1 to 65535"}, Mistake{"{tcp: [9464]}", kLoopbackOnly},
                      Mistake{"{tcp: \"127.0.0.1\\e[31m:x\"}", "\\x1b[31m"},
                      Mistake{"{unix: metrics.sock}", "expected an absolute path"},
                      Mistake{"{unix: /run/a.sock}", "which guard \"a\" has, expected a socket of its own"},
                      Mistake{"{unix: /run/../run/a.sock}", "which guard \"a\" has"},
                      Mistake{"{unix: /m, group: nobody-here}", "nobody-here"},
                      Mistake{"{unix: /m, tcp: 9464}", "one of unix (with group) and tcp"},
                      Mistake{"{group: prometheus, tcp: 9464}", "one of unix (with group) and tcp"},
                      Mistake{"{unix: /m, groop: prometheus}", "did you mean \"group\"?"}, Mistake{"true", "expected metrics: {}"},
                      Mistake{"", "expected metrics: {}"}));

}  // namespace
}  // namespace belfry::engine
