// Every mistake in a configuration has its place, what was found, what was expected and the word that was meant.
#include "engine/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace belfry::engine {
namespace {

using ::testing::HasSubstr;

std::optional<uint32_t> User(const std::string& name) {
  return name == "spire" ? std::optional<uint32_t>(77) : std::nullopt;
}
absl::StatusOr<Config> Parse(const std::string& text) { return ParseConfig("b.yaml", text, User); }

TEST(Config, ReadsTheWholeOfIt) {
  const auto config = Parse(R"(
version: 1
run_dir: /tmp/b
bpffs: /tmp/bpf
pin: false
host: self
guards:
  - name: spire-agent
    agent: { workload: /run/a.sock, admin: /run/b.sock, broker: /run/c.sock }
    listener: { exe: /opt/agent, uid: spire, activated_by: systemd }
    mode: deny
    withhold_on: [traced, untrusted_code]
    except: { preload: [/usr/lib/libjemalloc.so.2] }
    require: [foreign_sender]
    preexisting: adopt
    on_daemon_loss: observe(90s)
    trust_backfill: true
    container_paths: true
    rootless: true
    delegated: exec
  - name: docker
    unix: /run/docker.sock
)");
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->run_dir, "/tmp/b");
  EXPECT_EQ(config->bpffs, "/tmp/bpf");
  EXPECT_FALSE(config->pin);
  EXPECT_TRUE(config->host_is_self);
  ASSERT_EQ(config->guards.size(), 2u);
  const GuardConfig& agent = config->guards[0];
  EXPECT_TRUE(agent.agent);
  ASSERT_EQ(agent.sockets.size(), 3u);
  EXPECT_EQ(agent.sockets[0].role, "workload");
  EXPECT_EQ(agent.sockets[2].path, "/run/c.sock");
  EXPECT_EQ(agent.listener.exe, "/opt/agent");
  EXPECT_EQ(agent.listener.uid, 77u);
  EXPECT_TRUE(agent.listener.activated_by_systemd);
  EXPECT_EQ(agent.policy.mode, verdict::Mode::kDeny);
  EXPECT_EQ(agent.policy.withhold_on, 1u << BELFRY_TAINT_TRACED | 1u << BELFRY_TAINT_UNTRUSTED_CODE);
  EXPECT_EQ(agent.policy.preload_excepted.size(), 1u);
  EXPECT_EQ(agent.require, 1u << BELFRY_TAINT_FOREIGN_SENDER);
  EXPECT_EQ(agent.preexisting, Preexisting::kAdopt);
  EXPECT_EQ(agent.on_daemon_loss->observe_after, std::chrono::seconds(90));
  EXPECT_TRUE(agent.policy.trust_backfill && agent.policy.container_paths && agent.policy.rootless);
  EXPECT_TRUE(agent.delegated_exec);
  const GuardConfig& docker = config->guards[1];
  EXPECT_EQ(docker.policy.mode, verdict::Mode::kObserve);
  EXPECT_FALSE(docker.agent);
  EXPECT_EQ(PreexistingPolicy(docker, verdict::Mode::kDeny), Preexisting::kAdopt);
  EXPECT_EQ(PreexistingPolicy(agent, verdict::Mode::kDeny), Preexisting::kAdopt);
}

TEST(Config, AnAgentInDenyResetsWhatItDidNotSeeOpen) {
  const auto config = Parse("version: 1\nguards: [{name: a, agent: {workload: /a}}]\n");
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(PreexistingPolicy(config->guards[0], verdict::Mode::kDeny), Preexisting::kReset);
  EXPECT_EQ(PreexistingPolicy(config->guards[0], verdict::Mode::kWarn), Preexisting::kAdopt);
}

struct Bad {
  const char* name;
  const char* text;
  const char* place;
  const char* said;
};

class BadConfig : public ::testing::TestWithParam<Bad> {};

TEST_P(BadConfig, IsExplainedWithItsPlace) {
  const auto config = Parse(GetParam().text);
  ASSERT_FALSE(config.ok());
  const std::string message(config.status().message());
  EXPECT_THAT(message, HasSubstr(std::string("b.yaml:") + GetParam().place + ": "));
  EXPECT_THAT(message, HasSubstr(GetParam().said));
}

std::string LongSocket(size_t bytes) { return "/" + std::string(bytes - 1, 'x'); }
const std::string kTooLong = "version: 1\nguards:\n  - name: a\n    unix: " + LongSocket(108) + "\n";

INSTANTIATE_TEST_SUITE_P(
    Table, BadConfig,
    ::testing::Values(
        Bad{"empty", "", "1:1", "expected a configuration"},
        Bad{"not_yaml", "version: 1\nguards: [\n", "3:1", "not YAML"},
        Bad{"two_documents", "version: 1\nguards: []\n---\na: 1\n", "4:1", "a second document"},
        Bad{"no_version", "guards: []\n", "1:1", "expected version: 1"},
        Bad{"other_version", "version: 2\nguards: []\n", "1:10", "found \"2\", expected version: 1"},
        Bad{"no_guards", "version: 1\n", "1:1", "no guards"},
        Bad{"unknown_top", "version: 1\nguard: []\n", "2:1", "did you mean \"guards\"?"},
        Bad{"unknown_key", "version: 1\nguards:\n  - name: a\n    unix: /a\n    wihthold_on: [traced]\n", "5:5",
            "did you mean \"withhold_on\"?"},
        Bad{"repeated_key", "version: 1\nguards:\n  - name: a\n    name: b\n    unix: /a\n", "4:5", "a second time"},
        Bad{"mode", "version: 1\nguards:\n  - name: a\n    unix: /a\n    mode: dney\n", "5:11", "did you mean \"deny\"?"},
        Bad{"taint", "version: 1\nguards:\n  - name: a\n    unix: /a\n    require: [foreign_sendr]\n", "5:15",
            "did you mean \"foreign_sender\"?"},
        Bad{"always_withheld", "version: 1\nguards:\n  - name: a\n    unix: /a\n    withhold_on: [ambiguous]\n", "5:19",
            "always withheld"},
        Bad{"relative", "version: 1\nguards:\n  - name: a\n    unix: a.sock\n", "4:11", "an absolute path"},
        Bad{"too_long", kTooLong.c_str(), "4:11", "a path of 108 bytes, expected at most 107"},
        Bad{"two_kinds", "version: 1\nguards:\n  - name: a\n    unix: /a\n    agent: {workload: /b}\n", "3:5", "several kinds"},
        Bad{"no_socket", "version: 1\nguards:\n  - name: a\n", "3:5", "a guard of no socket"},
        Bad{"no_name", "version: 1\nguards:\n  - unix: /a\n", "3:5", "a guard without a name"},
        Bad{"bad_name", "version: 1\nguards:\n  - name: \"a b\"\n    unix: /a\n", "3:11", "letters, digits"},
        Bad{"same_name", "version: 1\nguards:\n  - {name: a, unix: /a}\n  - {name: a, unix: /b}\n", "4:12", "a second time"},
        Bad{"same_socket", "version: 1\nguards:\n  - {name: a, unix: /a}\n  - {name: b, unix: //x/../a}\n", "4:21",
            "guard \"a\" already has"},
        Bad{"no_workload", "version: 1\nguards:\n  - name: a\n    agent: {admin: /a}\n", "4:12", "workload: PATH"},
        Bad{"user", "version: 1\nguards:\n  - name: a\n    unix: /a\n    listener: {uid: nobody-here}\n", "5:21",
            "a user that exists"},
        Bad{"daemon_loss", "version: 1\nguards:\n  - name: a\n    unix: /a\n    on_daemon_loss: observe(10)\n", "5:21",
            "observe(10m)"},
        Bad{"truth", "version: 1\npin: yes\nguards: []\n", "2:6", "true or false"},
        Bad{"tcp", "version: 1\nguards:\n  - name: a\n    tcp: 80\n", "4:5", "not there yet"},
        Bad{"allow", "version: 1\nguards:\n  - name: a\n    unix: /a\n    allow: []\n", "5:5", "not there yet"},
        Bad{"limit", "version: 1\nguards:\n  - name: a\n    unix: /a\n    limit: {}\n", "5:5", "not there yet"},
        Bad{"hostile", "version: 1\nguards: \"\\e[31m\"\n", "2:9", "\\x1b"}),
    [](const auto& info) { return info.param.name; });

TEST(Config, TheLongestPathFits) {
  EXPECT_TRUE(Parse("version: 1\nguards:\n  - name: a\n    unix: " + LongSocket(107) + "\n").ok());
}

TEST(Config, TellsEveryMistakeAtOnce) {
  const auto config = Parse("version: 3\nguards:\n  - name: a\n    unix: b\n    mode: c\n");
  ASSERT_FALSE(config.ok());
  const std::string message(config.status().message());
  EXPECT_THAT(message, HasSubstr("b.yaml:1:10"));
  EXPECT_THAT(message, HasSubstr("b.yaml:4:11"));
  EXPECT_THAT(message, HasSubstr("b.yaml:5:11"));
}

TEST(Config, AMissingFileIsSaidSo) {
  const auto config = LoadConfig("/nonexistent/b.yaml", User);
  ASSERT_FALSE(config.ok());
  EXPECT_THAT(std::string(config.status().message()), HasSubstr("No such file"));
}

}  // namespace
}  // namespace belfry::engine
