// Every mistake in a configuration has its place, what was found, what was expected and the word that was meant.
#include "engine/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <string>

#include "support/temporary_folder.h"

namespace belfry::engine {
namespace {

using ::testing::HasSubstr;

const host::Accounts kAccounts = {.users = {{"root", 0}, {"spire", 77}}, .groups = {{"docker", 999}}};
absl::StatusOr<Config> Parse(const std::string& text) { return ParseConfig("b.yaml", text, kAccounts); }

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
    limit: { per: cgroup, rate: 600/m, burst: 50 }
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
  EXPECT_EQ(agent.limit, (ConnectLimit{.per = BELFRY_PER_CGROUP, .count = 600, .period = 'm', .burst = 50}));
  EXPECT_EQ(LimitText(*agent.limit), "600/m per cgroup, burst 50");
  EXPECT_FALSE(config->guards[1].limit);
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

std::string LimitedBy(const std::string& limit) {
  return "version: 1\nguards:\n  - name: a\n    unix: /a\n    limit: " + limit + "\n";
}

struct Bad {
  const char* name;
  std::string text;
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
        Bad{"same_abstract", "version: 1\nguards:\n  - {name: a, unix: \"@a/../b\"}\n  - {name: c, unix: \"@b\"}\n  - {name: b, unix: \"@b\"}\n", "5:21",
            "guard \"c\" already has"},
        Bad{"abstract_empty", "version: 1\nguards:\n  - name: a\n    unix: \"@\"\n", "4:11", "an abstract name of 0 bytes"},
        Bad{"vsock", "version: 1\nguards:\n  - name: a\n    vsock: 1024\n", "4:5", "no backend sees vsock yet"},
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
        Bad{"port_none", "version: 1\nguards:\n  - name: a\n    tcp: 0\n", "4:10", "a port, or an address and a port"},
        Bad{"port_list", "version: 1\nguards:\n  - name: a\n    tcp: [::1]:80\n", "4:15", "not YAML"},
        Bad{"port_name", "version: 1\nguards:\n  - name: a\n    tcp: localhost:80\n", "4:10", "127.0.0.1:8081"},
        Bad{"port_twice", "version: 1\nguards:\n  - {name: a, tcp: 80}\n  - {name: b, tcp: 80}\n", "4:20", "guard \"a\" already has"},
        Bad{"port_deny", "version: 1\nguards:\n  - name: a\n    tcp: 80\n    mode: deny\n", "5:11", "without rules (allow) nobody is refused"},
        Bad{"port_deny_by_unit", "version: 1\nguards:\n  - name: a\n    tcp: 80\n    mode: deny\n    allow: [{unit: a.service}]\n", "5:11",
            "rules that ask for unit, which the kernel part does not know, and a TCP port's connections are refused at the connect or not at all"},
        Bad{"port_rule_deny", "version: 1\nguards:\n  - name: a\n    tcp: 80\n    allow: [{uid: 0, mode: deny}, {unit: a.service}]\n", "5:12",
            "a rule that says deny (1) for a TCP port"},
        Bad{"port_require", "version: 1\nguards:\n  - name: a\n    tcp: 80\n    require: [foreign_sender]\n", "5:14", "only told"},
        Bad{"port_of_agent", "version: 1\nguards:\n  - name: a\n    tcp: 80\n    agent: {workload: /a}\n", "3:5", "several kinds"},
        Bad{"rule_key", "version: 1\nguards:\n  - name: a\n    unix: /a\n    allow: [{exee: /a}]\n", "5:14", "did you mean \"exe\"?"},
        Bad{"rule_of_nothing", "version: 1\nguards:\n  - name: a\n    unix: /a\n    allow: [{}]\n", "5:13", "a rule that asks nothing"},
        Bad{"rule_relative", "version: 1\nguards:\n  - name: a\n    unix: /a\n    allow: [{exe: [/a, b]}]\n", "5:24", "an absolute path"},
        Bad{"rule_empty_list", "version: 1\nguards:\n  - name: a\n    unix: /a\n    allow: [{exe: []}]\n", "5:19", "an empty list"},
        Bad{"rule_nested_list", "version: 1\nguards:\n  - name: a\n    unix: /a\n    allow: [{exe: [[/a]]}]\n", "5:20", "found a list"},
        Bad{"rule_digest", "version: 1\nguards:\n  - name: a\n    unix: /a\n    allow: [{sha256: abc}]\n", "5:22", "64 hexadecimal digits"},
        Bad{"rule_user", "version: 1\nguards:\n  - name: a\n    unix: /a\n    allow: [{user: spyre}]\n", "5:20",
            "a user that exists here, or a number; did you mean \"spire\"?"},
        Bad{"rule_group", "version: 1\nguards:\n  - name: a\n    unix: /a\n    allow: [{not: {group: dokcer}}]\n", "5:27",
            "a group that exists here, or a number; did you mean \"docker\"?"},
        Bad{"rule_uid_4294967295", "version: 1\nguards:\n  - name: a\n    unix: /a\n    allow: [{uid: 4294967295}]\n", "5:19", "a user that exists"},
        Bad{"rule_both", "version: 1\nguards:\n  - name: a\n    unix: /a\n    allow: [{user: root, uid: 0}]\n", "5:13", "both user and uid"},
        Bad{"rule_for_nobody", "version: 1\nguards:\n  - name: a\n    unix: /a\n    allow: [{uid: [0, 1], not: {uid: 0}}]\n", "5:13",
            "uid 0 is asked for and excluded"},
        Bad{"rule_twice", "version: 1\nguards:\n  - name: a\n    unix: /a\n    allow:\n      - {uid: 0}\n      - {user: root}\n", "7:9",
            "the rule of line 6 again"},
        Bad{"rules_contradict", "version: 1\nguards:\n  - name: a\n    unix: /a\n    allow:\n      - {uid: 0}\n      - {uid: 0, mode: deny}\n",
            "7:9", "contradicts line 6: it asks the same and says allow, this says deny"},
        Bad{"rules_contradict_by_order",
            "version: 1\nguards:\n  - name: a\n    unix: /a\n    allow:\n      - {uid: 0}\n      - {uid: 0, exe: /x, mode: deny}\n", "7:9",
            "the narrower rule first"},
        Bad{"rule_names", "version: 1\nguards:\n  - name: a\n    unix: /a\n    allow: [{name: x, uid: 0}, {name: x, uid: 1}]\n", "5:32",
            "a rule x as in line 5"},
        Bad{"rule_mode", "version: 1\nguards:\n  - name: a\n    unix: /a\n    allow: [{uid: 0, mode: wran}]\n", "5:28", "did you mean \"warn\"?"},
        Bad{"rule_realm", "version: 1\nguards:\n  - name: a\n    unix: /a\n    allow: [{netns: hots}]\n", "5:21", "host or other"},
        Bad{"allow_of_one", "version: 1\nguards:\n  - name: a\n    unix: /a\n    allow: {uid: 0}\n", "5:12", "a list of rules"},
        Bad{"limit_of_nothing", LimitedBy("{}"), "5:12", "found a limit without per"},
        Bad{"limit_word", LimitedBy("20/s"), "5:12", "a limit: {per, rate, burst}"},
        Bad{"limit_key", LimitedBy("{per: uid, rat: 1/s, burst: 1}"), "5:23", "did you mean \"rate\"?"},
        Bad{"limit_without_burst", LimitedBy("{per: uid, rate: 1/s}"), "5:12", "a limit without burst"},
        Bad{"limit_per", LimitedBy("{per: cgruop, rate: 1/s, burst: 1}"), "5:18", "did you mean \"cgroup\"?"},
        Bad{"limit_rate_of_nothing", LimitedBy("{per: uid, rate: 0/s, burst: 1}"), "5:29", "20/s, 600/m or 5/h"},
        Bad{"limit_rate_without_period", LimitedBy("{per: uid, rate: 20, burst: 1}"), "5:29", "20/s, 600/m or 5/h"},
        Bad{"limit_rate_of_days", LimitedBy("{per: uid, rate: 20/d, burst: 1}"), "5:29", "20/s, 600/m or 5/h"},
        Bad{"limit_rate_below", LimitedBy("{per: uid, rate: -1/s, burst: 1}"), "5:29", "a number from 1 to 1000000"},
        Bad{"limit_rate_above", LimitedBy("{per: uid, rate: 1000001/s, burst: 1}"), "5:29", "a number from 1 to 1000000"},
        Bad{"limit_burst_of_nothing", LimitedBy("{per: uid, rate: 1/s, burst: 0}"), "5:41", "a number from 1 to 1000000"},
        Bad{"limit_burst_above", LimitedBy("{per: uid, rate: 1/s, burst: 1000001}"), "5:41", "a number from 1 to 1000000"},
        Bad{"limit_of_port", "version: 1\nguards:\n  - name: a\n    tcp: 80\n    limit: {per: uid, rate: 1/s, burst: 1}\n", "5:12", "only told"},
        Bad{"hostile", "version: 1\nguards: \"\\e[31m\"\n", "2:9", "\\x1b"}),
    [](const auto& info) { return info.param.name; });

TEST(Config, TheLongestPathFits) {
  EXPECT_TRUE(Parse("version: 1\nguards:\n  - name: a\n    unix: " + LongSocket(107) + "\n").ok());
}

TEST(Config, ReadsRules) {
  const auto config = Parse(R"(
version: 1
guards:
  - name: docker
    unix: /run/docker.sock
    allow:
      - { name: cli, exe: [/usr/bin/docker, //usr/bin/podman], group: docker, not: { user: root, unit: cron.service } }
      - { unit: billing.service, sha256: AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA, mode: warn }
      - { cgroup: /kubepods.slice/**, netns: host, mntns: other, userns: host, ancestor: /usr/sbin/sshd, script: /opt/x.sh }
  - { name: nobody, unix: /b, allow: [] }
  - { name: everyone, unix: /c }
)");
  ASSERT_TRUE(config.ok()) << config.status();
  using verdict::Field;
  const std::vector<verdict::Rule>& rules = config->guards[0].rules->all();
  ASSERT_EQ(rules.size(), 3u);
  EXPECT_EQ(rules[0].name(), "cli");
  EXPECT_EQ(rules[0].line(), 7);
  EXPECT_THAT(verdict::ValuesOf(rules[0].all(), Field::kExe), testing::ElementsAre("/usr/bin/docker", "/usr/bin/podman"));
  EXPECT_THAT(verdict::ValuesOf(rules[0].all(), Field::kGid), testing::ElementsAre("999"));
  EXPECT_THAT(verdict::ValuesOf(rules[0].none(), Field::kUid), testing::ElementsAre("0"));
  EXPECT_THAT(verdict::ValuesOf(rules[0].none(), Field::kUnit), testing::ElementsAre("cron.service"));
  EXPECT_EQ(rules[1].name(), "2");
  EXPECT_EQ(rules[1].mode(), verdict::Mode::kWarn);
  EXPECT_THAT(verdict::ValuesOf(rules[1].all(), Field::kSha256), testing::ElementsAre(std::string(64, 'a')));
  EXPECT_EQ(rules[2].all().size(), 6u);
  EXPECT_TRUE(config->guards[1].rules->all().empty());
  EXPECT_EQ(config->guards[2].rules, nullptr);
}

TEST(Config, ANarrowerExceptionMayComeFirst) {
  EXPECT_TRUE(Parse("version: 1\nguards:\n  - {name: a, unix: /a, allow: [{uid: 0, exe: /x, mode: deny}, {uid: 0}]}\n").ok());
}

// A list that is repeated without end by aliases ends.
TEST(Config, AliasesDoNotMultiplyRulesWithoutEnd) {
  std::string text = "version: 1\nguards:\n  - name: g0\n    unix: /g0\n    allow: &all\n";
  for (int i = 0; i < 1000; ++i) text += "      - {uid: " + std::to_string(i) + "}\n";
  for (int i = 1; i < 200; ++i) text += "  - {name: g" + std::to_string(i) + ", unix: /g" + std::to_string(i) + ", allow: *all}\n";
  const auto config = Parse(text);
  ASSERT_FALSE(config.ok());
  EXPECT_THAT(std::string(config.status().message()), HasSubstr("at most 100000 in all guards"));
}

// Not a promise about time: the figure is for the reader of the log.
TEST(Config, TenThousandRulesInAThousandGuards) {
  std::string text = "version: 1\nguards:\n";
  for (int guard = 0; guard < 1000; ++guard) {
    const std::string name = "g" + std::to_string(guard);
    text += "  - name: " + name + "\n    unix: /run/" + name + ".sock\n    allow:\n";
    for (int rule = 0; rule < 10; ++rule)
      text += "      - { exe: /opt/" + name + "/bin-" + std::to_string(rule) + ", uid: " + std::to_string(rule) + ", unit: " + name + ".service }\n";
  }
  const auto began = std::chrono::steady_clock::now();
  const auto config = Parse(text);
  const auto took = std::chrono::steady_clock::now() - began;
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->guards.size(), 1000u);
  std::cout << "10,000 rules in 1,000 guards, " << text.size() / 1024 << " KiB: read and compiled in "
            << std::chrono::duration_cast<std::chrono::milliseconds>(took).count() << " ms\n";
}

TEST(Config, AHugeFileIsRefusedBeforeItIsRead) {
  support::TemporaryFolder folder;
  std::ofstream(folder / "b.yaml") << "version: 1\n";
  std::filesystem::resize_file(folder / "b.yaml", 50u << 20);
  const auto config = LoadConfig(folder / "b.yaml", kAccounts);
  ASSERT_FALSE(config.ok());
  EXPECT_THAT(std::string(config.status().message()), HasSubstr("more than 16 MiB"));
}

TEST(Config, CountsTheMistakesThatItDoesNotTell) {
  std::string text = "version: 1\nguards:\n  - name: a\n    unix: /a\n    allow:\n";
  for (int i = 0; i < 150; ++i) text += "      - {exe: x}\n";
  const auto config = Parse(text);
  ASSERT_FALSE(config.ok());
  EXPECT_THAT(std::string(config.status().message()), testing::EndsWith("\n50 more mistakes"));
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
  const auto config = LoadConfig("/nonexistent/b.yaml", kAccounts);
  ASSERT_FALSE(config.ok());
  EXPECT_THAT(std::string(config.status().message()), HasSubstr("No such file"));
}

}  // namespace
}  // namespace belfry::engine
