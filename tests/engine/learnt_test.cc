// What is learnt from lines fits exactly who was in them, and can be added to a file without touching what is there.
#include "engine/learnt.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <random>

#include "effect/entry_json.h"
#include "engine/config.h"
#include "engine/policy_merge.h"
#include "engine/policy_text.h"

namespace belfry::engine {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

const host::Accounts kAccounts = {.users = {{"root", 0}, {"ann", 1000}, {"nobody", 65534}}, .groups = {}};
constexpr uint64_t kMorning = 1764132663'000000000;  // 2025-11-26T04:51:03Z
const std::string kId(64, 'c');

struct Who {
  std::string exe, script;
  uint32_t uid = 1000;
  std::string user = "ann";
  std::string cgroup = "/user.slice/user-1000.slice/session-3.scope";
  size_t anchored = 3;
  std::string known_by = "exec";
  bool elsewhere = false;
};

effect::Entry Line(const Who& who, uint64_t second = 0) {
  effect::Entry entry{.action = "connect", .outcome = "success", .wall_ns = kMorning + second * 1'000'000'000, .guard = "docker",
                      .socket = "/run/docker.sock", .pid = 7, .uid = who.uid, .user = who.user, .comm = "x", .verdict = "sound"};
  entry.who = std::make_shared<const effect::Who>(effect::Who{.program = {.exe = who.exe, .script = who.script, .comm = "x"}, .known_by = who.known_by});
  host::Home home = host::HomeOf(who.cgroup);
  home.anchored = who.anchored;
  entry.home = std::make_shared<const host::Home>(home);
  entry.elsewhere = who.elsewhere;
  return *effect::FromJson(effect::ToJson(entry));
}

Learnt LearntFrom(const std::vector<effect::Entry>& lines) {
  Learnt learnt;
  for (const effect::Entry& line : lines) learnt.See(line);
  return learnt;
}

std::vector<effect::Entry> Stream(const std::string& name) {
  std::vector<effect::Entry> lines;
  std::ifstream in(std::string(BELFRY_SOURCE_DIR "/tests/") + name);
  for (std::string line; std::getline(in, line);) {
    const auto entry = effect::FromJson(line);
    if (entry) lines.push_back(*entry);
    else ADD_FAILURE() << line;
  }
  return lines;
}

Config Read(const std::string& text) {
  const auto config = ParseConfig("learnt.yaml", text, kAccounts);
  EXPECT_TRUE(config.ok()) << config.status() << "\n" << text;
  return config.ok() ? *config : Config();
}

// Connects that the policy does not allow.
size_t Violations(const Config& config, const std::vector<effect::Entry>& lines) {
  size_t violations = 0;
  for (const effect::Entry& line : lines) {
    if (line.action != "connect" || line.verdict == "own") continue;
    const auto guard = std::find_if(config.guards.begin(), config.guards.end(), [&](const GuardConfig& one) {
      return one.policy.name == line.guard || config.guards.size() == 1;
    });
    if (guard == config.guards.end() || guard->rules == nullptr) {
      ADD_FAILURE() << "no guard " << line.guard;
      continue;
    }
    const verdict::Decision decision = guard->rules->Decide(OpenerOf(line, guard->policy));
    violations += !verdict::RulingOf(*guard->rules, decision, verdict::Mode::kDeny).allowed;
  }
  return violations;
}

std::vector<effect::Entry> Morning() {
  return {Line({.exe = "/usr/bin/docker"}),
          Line({.exe = "/usr/bin/docker"}, 9),
          Line({.exe = "/usr/bin/dash", .script = "/opt/back up: \"all\", [now].sh", .uid = 0, .user = "root"}, 1),
          Line({.exe = "/usr/bin/curl", .uid = 4242, .user = "gone", .cgroup = "/system.slice/backup.service", .anchored = 2}, 2),
          Line({.exe = "/app", .uid = 0, .user = "root", .cgroup = "/docker/" + kId, .anchored = 2, .elsewhere = true}, 3),
          Line({.exe = "/usr/lib/systemd/systemd", .uid = 0, .user = "root", .cgroup = "/init.scope", .anchored = 1, .known_by = "backfilled"}, 4)};
}

TEST(Learnt, AllowsWhomItSaw) {
  const std::string text = PolicyText(LearntFrom(Morning()), kAccounts);
  const Config config = Read(text);
  EXPECT_EQ(Violations(config, Morning()), 0u) << text;
  EXPECT_EQ(config.guards[0].rules->all().size(), 5u);
  EXPECT_EQ(config.guards[0].policy.mode, verdict::Mode::kObserve);
}

TEST(Learnt, AllowsNobodyElse) {
  const Config config = Read(PolicyText(LearntFrom(Morning()), kAccounts));
  const Who strangers[] = {{.exe = "/usr/bin/podman"},
                           {.exe = "/usr/bin/docker", .uid = 1001, .user = ""},
                           {.exe = "/usr/bin/dash", .script = "/opt/other.sh", .uid = 0},
                           {.exe = "/usr/bin/dash", .script = "", .uid = 0},
                           {.exe = "/usr/bin/curl", .uid = 4242, .cgroup = "/system.slice/other.service", .anchored = 2},
                           {.exe = "/usr/bin/curl", .uid = 4242, .cgroup = "/system.slice/backup.service", .anchored = 1},
                           {.exe = "/app", .uid = 0, .cgroup = "/docker/" + std::string(64, 'd'), .anchored = 2, .elsewhere = true},
                           {.exe = "/usr/bin/docker", .elsewhere = true},
                           {.exe = "/usr/bin/docker", .known_by = "connect"}};
  for (const Who& stranger : strangers) EXPECT_EQ(Violations(config, {Line(stranger)}), 1u) << stranger.exe << " " << stranger.uid;
}

TEST(Learnt, WithoutOneRuleItsOpenerIsAViolation) {
  Learnt learnt = LearntFrom(Morning());
  const std::string text = PolicyText(learnt, kAccounts);
  size_t lines = 0;
  for (size_t at = 0; (at = text.find("      - { ", at)) != std::string::npos; ++at) {
    std::string less = text;
    less.erase(at, text.find('\n', at) + 1 - at);
    EXPECT_GT(Violations(Read(less), Morning()), 0u) << less;
    ++lines;
  }
  EXPECT_EQ(lines, 5u);
}

TEST(Learnt, IsTheSameInAnyOrder) {
  std::vector<effect::Entry> lines = Morning();
  const std::string text = PolicyText(LearntFrom(lines), kAccounts);
  std::minstd_rand random(1);
  for (int i = 0; i < 20; ++i) {
    std::shuffle(lines.begin(), lines.end(), random);
    EXPECT_EQ(PolicyText(LearntFrom(lines), kAccounts), text);
  }
}

TEST(Learnt, SaysHowOftenAndWhen) {
  EXPECT_EQ(PolicyText(LearntFrom({Line({.exe = "/usr/bin/docker"}), Line({.exe = "/usr/bin/docker"}, 9)}), kAccounts),
            "# Written by belfry learn: allows exactly who was seen, by executable, script, user, unit, container and pod.\n"
            "# 2 connects, first 2025-11-26T04:51:03Z, last 2025-11-26T04:51:12Z; 1 rule.\n"
            "version: 1\n"
            "guards:\n"
            "  - name: docker\n"
            "    unix: /run/docker.sock\n"
            "    mode: observe\n"
            "    allow:\n"
            "      # 2 connects, first 2025-11-26T04:51:03Z, last 2025-11-26T04:51:12Z\n"
            "      - { exe: /usr/bin/docker, user: ann }\n");
}

// Nothing is learnt that would allow more than was seen.
TEST(Learnt, WhatCannotBeAskedForExactlyIsSaidAndNotAllowed) {
  const Who unclear[] = {{.exe = "/usr/bin/dash", .script = "./relative.sh"},
                         {.exe = "/app", .elsewhere = true},
                         {.exe = "", .known_by = "connect"},
                         {.exe = "/usr/bin/\xff"},
                         {.exe = "/memfd:x (deleted)"},
                         {.exe = "/very/long..."}};
  for (const Who& who : unclear) {
    const std::string text = PolicyText(LearntFrom({Line(who)}), kAccounts);
    EXPECT_THAT(text, HasSubstr("    allow: []\n      # not learnt: ")) << who.exe;
    EXPECT_EQ(Violations(Read(text), {Line(who)}), 1u);
  }
}

TEST(Learnt, OfAnAbstractName) {
  effect::Entry line = Line({.exe = "/usr/bin/curl"});
  line.socket = "@my/server";
  const std::string text = PolicyText(LearntFrom({line}), kAccounts);
  EXPECT_THAT(text, HasSubstr("    unix: \"@my/server\"\n"));
  EXPECT_EQ(Read(text).guards.at(0).sockets.at(0).path, "@my/server");
}

TEST(Learnt, OfAPortOnlyWhoIsKnown) {
  effect::Entry local = Line({.exe = "/usr/bin/curl"}), remote{.action = "connect", .guard = "docker", .socket = "127.0.0.1:8081"};
  local.socket = remote.socket;
  remote.source = {"10.0.0.9", 40000};
  const std::string text = PolicyText(LearntFrom({local, remote}), kAccounts);
  EXPECT_THAT(text, HasSubstr("    tcp: \"127.0.0.1:8081\"\n"));
  EXPECT_THAT(text, HasSubstr("- { exe: /usr/bin/curl, user: ann }\n      # not learnt: 10.0.0.9: its process is not known (1 connect"));
  EXPECT_TRUE(Read(text).guards.at(0).is_port());
}

TEST(Learnt, WhatIsNoConnectOrTheServersOwnIsNoOpener) {
  effect::Entry own = Line({.exe = "/usr/bin/dockerd"}), taint = Line({.exe = "/usr/bin/x"});
  own.verdict = "own";
  taint.action = "taint";
  const Learnt learnt = LearntFrom({own, taint, {.action = "dropped", .count = 3}});
  EXPECT_TRUE(learnt.guards().empty());
  EXPECT_EQ(learnt.lost(), 3u);
  EXPECT_THAT(PolicyText(learnt, kAccounts), HasSubstr("3 lines were lost"));
}

TEST(Learnt, HostileNamesAreReadBackAsTheyAre) {
  const std::vector<effect::Entry> lines = {Line({.exe = "/tmp/\x1b[2J\n- { uid: 0 }\n#\"'\\x0a: é"})};
  const Config config = Read(PolicyText(LearntFrom(lines), kAccounts));
  ASSERT_EQ(config.guards[0].rules->all().size(), 1u);
  EXPECT_EQ(verdict::ValuesOf(config.guards[0].rules->all()[0].all(), verdict::Field::kExe)[0], "/tmp/\x1b[2J\n- { uid: 0 }\n#\"'\\x0a: é");
  EXPECT_EQ(Violations(config, lines), 0u);
}

// Recorded with belfry audit --json.
TEST(Learnt, ARecordedStreamIsAllowedByWhatItTaught) {
  const std::vector<effect::Entry> lines = Stream("streams/audit_clients.json");
  ASSERT_GT(lines.size(), 10u);
  const std::string text = PolicyText(LearntFrom(lines), kAccounts);
  EXPECT_EQ(Violations(Read(text), lines), 0u) << text;
  std::string less = text;
  const size_t at = less.find("      - { ");
  less.erase(at, less.find('\n', at) + 1 - at);
  EXPECT_GT(Violations(Read(less), lines), 0u);
}

// Recorded with it: no rule can ask for a script that was started by a relative name.
TEST(Learnt, AScriptOfARelativeNameIsSaidAndNotAllowed) {
  const std::vector<effect::Entry> lines = Stream("streams/audit_relative_script.json");
  const Learnt learnt = LearntFrom(lines);
  ASSERT_EQ(learnt.guards().at("api").not_learnt.size(), 1u);
  const std::string text = PolicyText(learnt, kAccounts);
  EXPECT_THAT(text, HasSubstr("# not learnt: "));
  EXPECT_EQ(Violations(Read(text), lines), 1u) << text;
}

struct File {
  const char* name;
  const char* text;
  const char* becomes;  // nullptr: nothing can be put into it
};
class Merging : public testing::TestWithParam<File> {};

TEST_P(Merging, AddsAndKeepsWhatIsThere) {
  const Learnt learnt = LearntFrom({Line({.exe = "/usr/bin/docker"}), Line({.exe = "/usr/bin/curl"})});
  const auto merged = MergePolicy("b.yaml", GetParam().text, learnt, kAccounts);
  if (GetParam().becomes == nullptr) {
    EXPECT_TRUE(absl::IsFailedPrecondition(merged.status())) << merged.status();
    return;
  }
  ASSERT_TRUE(merged.ok()) << merged.status();
  EXPECT_EQ(merged->text, GetParam().becomes);
  EXPECT_EQ(Violations(Read(merged->text), {Line({.exe = "/usr/bin/docker"}), Line({.exe = "/usr/bin/curl"})}), 0u);
  const auto again = MergePolicy("b.yaml", merged->text, learnt, kAccounts);
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(again->text, merged->text) << "what is allowed is not added";
}

#define ONE "# 1 connect, first 2025-11-26T04:51:03Z, last 2025-11-26T04:51:03Z\n"

INSTANTIATE_TEST_SUITE_P(
    Layouts, Merging,
    testing::Values(
        File{"BehindTheLastRule",
             "version: 1\nguards:\n  - name: docker  # mine\n    unix: /run/docker.sock\n    allow:\n      # why\n      - { user: root }\n"
             "      - exe: /usr/bin/docker  # the client\n        user: ann\n\n    # about the mode\n    mode: warn\n  - { name: b, unix: /b }\n",
             "version: 1\nguards:\n  - name: docker  # mine\n    unix: /run/docker.sock\n    allow:\n      # why\n      - { user: root }\n"
             "      - exe: /usr/bin/docker  # the client\n        user: ann\n      " ONE "      - { exe: /usr/bin/curl, user: ann }\n"
             "\n    # about the mode\n    mode: warn\n  - { name: b, unix: /b }\n"},
        File{"ListsThatAreNotIndented",
             "version: 1\nguards:\n- name: docker\n  unix: /run/docker.sock\n  allow:\n  - user: root\n  # about the mode\n  mode: warn\n- {name: b, unix: /b}\n",
             "version: 1\nguards:\n- name: docker\n  unix: /run/docker.sock\n  allow:\n  - user: root\n  " ONE "  - { exe: /usr/bin/curl, user: ann }\n"
             "  " ONE "  - { exe: /usr/bin/docker, user: ann }\n  # about the mode\n  mode: warn\n- {name: b, unix: /b}\n"},
        File{"AllowInOneLine",
             "version: 1\nguards:\n  - name: docker\n    unix: /run/docker.sock\n    allow: [{user: root}]  # few\n    mode: warn\n",
             "version: 1\nguards:\n  - name: docker\n    unix: /run/docker.sock\n    allow: [{user: root},\n        " ONE
             "        { exe: /usr/bin/curl, user: ann },\n        " ONE "        { exe: /usr/bin/docker, user: ann }\n      ]  # few\n    mode: warn\n"},
        File{"AllowOfNobody", "version: 1\nguards:\n  - name: docker\n    unix: /run/docker.sock\n    allow: []\n",
             "version: 1\nguards:\n  - name: docker\n    unix: /run/docker.sock\n    allow: [\n        " ONE
             "        { exe: /usr/bin/curl, user: ann },\n        " ONE "        { exe: /usr/bin/docker, user: ann }\n      ]\n"},
        File{"NoAllow", "version: 1\nguards:\n  - name: docker\n    unix: /run/docker.sock\n    # mode: warn\n  # next\n  - { name: b, unix: /b }\n",
             "version: 1\nguards:\n  - name: docker\n    unix: /run/docker.sock\n    allow:\n      " ONE "      - { exe: /usr/bin/curl, user: ann }\n"
             "      " ONE "      - { exe: /usr/bin/docker, user: ann }\n    # mode: warn\n  # next\n  - { name: b, unix: /b }\n"},
        File{"GuardInOneLine", "version: 1\nguards:\n  - { name: \"docker\", unix: /run/docker.sock } # } ]\n",
             "version: 1\nguards:\n  - { name: \"docker\", unix: /run/docker.sock ,\n        allow: [\n            " ONE
             "            { exe: /usr/bin/curl, user: ann },\n            " ONE "            { exe: /usr/bin/docker, user: ann }\n          ]\n      } # } ]\n"},
        File{"BySocketUnderAnotherName", "version: 1\nguards:\n  - name: mine\n    unix: /run//docker.sock\n    allow:\n      - { user: ann }\n",
             "version: 1\nguards:\n  - name: mine\n    unix: /run//docker.sock\n    allow:\n      - { user: ann }\n"},
        File{"ANewGuard", "version: 1\nguards:\n  # one\n  - name: b\n    unix: /b  # its socket",
             "version: 1\nguards:\n  # one\n  - name: b\n    unix: /b  # its socket\n  - name: docker\n    unix: /run/docker.sock\n    mode: observe\n"
             "    allow:\n      " ONE "      - { exe: /usr/bin/curl, user: ann }\n      " ONE "      - { exe: /usr/bin/docker, user: ann }\n"},
        File{"NoPlaceForAGuard", "{version: 1, guards: [{name: b, unix: /b}]}\n", nullptr}),
    [](const auto& info) { return std::string(info.param.name); });

TEST(Merging, AFileWithMistakesIsLeftAlone) {
  const auto merged = MergePolicy("b.yaml", "version: 1\nguard: []\n", LearntFrom(Morning()), kAccounts);
  EXPECT_TRUE(absl::IsInvalidArgument(merged.status()));
  EXPECT_THAT(std::string(merged.status().message()), HasSubstr("did you mean \"guards\"?"));
}

TEST(Merging, SaysWhatTheOperatorHasToDecide) {
  const auto merged = MergePolicy("b.yaml", "version: 1\nguards:\n  - name: docker\n    unix: /run/docker.sock\n", LearntFrom(Morning()), kAccounts);
  ASSERT_TRUE(merged.ok()) << merged.status();
  EXPECT_THAT(merged->notes, testing::ElementsAre(HasSubstr("until now everyone might connect"), HasSubstr("read from /proc")));
  EXPECT_EQ(merged->rules_added, 5u);
}

}  // namespace
}  // namespace belfry::engine
