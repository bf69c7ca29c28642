// Lines that a SIEM can read, whatever a workload calls itself, and that can be read back.
#include "effect/entry_json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "kit/escape.h"

namespace belfry::effect {
namespace {

using ::testing::ElementsAre;
using ::testing::Each;

Entry Full() {
  auto who = std::make_shared<Who>();
  who->program = {.exe = "/usr/bin/dash", .script = "/opt/deploy.sh", .comm = "deploy.sh"};
  who->args = {"/bin/sh", "/opt/deploy.sh", "--now"};
  who->known_by = "exec";
  who->parents = {{.pid = 11, .program = {.exe = "/usr/sbin/cron", .comm = "cron"}}, {.pid = 1, .program = {.comm = "systemd"}}};
  auto home = std::make_shared<host::Home>(host::HomeOf("/system.slice/cron.service"));
  home->container = std::string(64, 'a');
  return {.action = "connect",
          .outcome = "success",
          .wall_ns = 1764132663'123456000,
          .guard = "docker",
          .socket = "/run/docker.sock",
          .pid = 12,
          .pid_start_ns = 77,
          .uid = 1000,
          .gid = 100,
          .user = "ann",
          .group = "users",
          .comm = "deploy.sh",
          .who = who,
          .home = home,
          .reasons = {"untrusted_code"},
          .verdict = "sound",
          .rule = "allow[0]",
          .violation = true,
          .message = "m",
          .mode = "observe",
          .cookie = 5};
}

TEST(EntryJson, SpeaksEcs) {
  const auto json = nlohmann::json::parse(ToJson(Full()));
  EXPECT_EQ(json["schema"], 1);
  EXPECT_EQ(json["@timestamp"], "2025-11-26T04:51:03.123456Z");
  EXPECT_EQ(json["event"]["kind"], "alert");
  EXPECT_EQ(json["event"]["action"], "connect");
  EXPECT_EQ(json["event"]["outcome"], "success");
  EXPECT_EQ(json["event"]["reason"][0], "untrusted_code");
  EXPECT_EQ(json["process"]["pid"], 12);
  EXPECT_EQ(json["process"]["name"], "deploy.sh");
  EXPECT_EQ(json["process"]["executable"], "/usr/bin/dash");
  EXPECT_EQ(json["process"]["args"][2], "--now");
  EXPECT_EQ(json["process"]["parent"]["pid"], 11);
  EXPECT_EQ(json["process"]["parent"]["executable"], "/usr/sbin/cron");
  EXPECT_EQ(json["user"]["id"], "1000");
  EXPECT_EQ(json["user"]["name"], "ann");
  EXPECT_EQ(json["group"]["name"], "users");
  EXPECT_EQ(json["rule"]["name"], "allow[0]");
  EXPECT_EQ(json["container"]["id"], std::string(64, 'a'));
  EXPECT_EQ(json["belfry"]["guard"], "docker");
  EXPECT_EQ(json["belfry"]["script"], "/opt/deploy.sh");
  EXPECT_EQ(json["belfry"]["unit"], "cron.service");
  EXPECT_EQ(json["belfry"]["ancestors"][1]["name"], "systemd");
  EXPECT_EQ(json["belfry"]["violation"], true);
}

TEST(EntryJson, BothEndsOfAPort) {
  Entry entry = Full();
  entry.source = {"2001:db8::2", 40000};
  entry.destination = {"2001:db8::1", 8081};
  entry.served_by = {{7, "/usr/sbin/nginx"}, {8, ""}};
  const std::string line = ToJson(entry);
  const auto json = nlohmann::json::parse(line);
  EXPECT_EQ(json["source"]["ip"], "2001:db8::2");
  EXPECT_EQ(json["source"]["port"], 40000);
  EXPECT_EQ(json["destination"]["ip"], "2001:db8::1");
  EXPECT_EQ(json["destination"]["port"], 8081);
  EXPECT_EQ(json["network"]["transport"], "tcp");
  EXPECT_EQ(json["belfry"]["served_by"][0]["executable"], "/usr/sbin/nginx");
  EXPECT_EQ(json["belfry"]["served_by"][1]["pid"], 8);
  EXPECT_EQ(ToJson(*FromJson(line)), line);
}

TEST(EntryJson, WhatIsNotKnownIsLeftOut) {
  const auto json = nlohmann::json::parse(ToJson({.action = "listener"}));
  EXPECT_EQ(json["event"]["kind"], "event");
  for (const char* name : {"process", "user", "group", "container", "rule", "belfry", "message", "source", "destination", "network"})
    EXPECT_FALSE(json.contains(name)) << name;
}

TEST(EntryJson, ComesBackAsItWas) {
  const std::string line = ToJson(Full());
  const auto back = FromJson(line);
  ASSERT_TRUE(back);
  EXPECT_EQ(ToJson(*back), line);
}

TEST(EntryJson, HostileWordsAreEscaped) {
  Entry entry = Full();
  auto who = std::make_shared<Who>(*entry.who);
  const std::string hostile = "/a\n\x1b[31m\xff\xe2\x80\xae\"}";
  who->program = {.exe = hostile, .script = hostile, .comm = hostile};
  who->args = {hostile};
  who->parents[0].program = who->program;
  entry.who = who;
  entry.comm = entry.user = entry.socket = entry.message = hostile;
  const std::string line = ToJson(entry);
  EXPECT_TRUE(kit::IsValidUtf8(line));
  EXPECT_THAT(line, Each(::testing::Ge(' ')));
  EXPECT_EQ(line.find("\xe2\x80\xae"), std::string::npos);
  const auto json = nlohmann::json::parse(line);
  EXPECT_EQ(json["process"]["executable"], "/a\\x0a\\x1b[31m\\xff\\xe2\\x80\\xae\"}");
  EXPECT_EQ(json["belfry"]["script"], json["process"]["executable"]);
}

TEST(EntryJson, LongWordsAreCut) {
  Entry entry = Full();
  auto who = std::make_shared<Who>(*entry.who);
  who->program.exe = "/" + std::string(10000, 'x');
  who->args = std::vector<std::string>(1, std::string(1 << 20, 'y'));
  entry.who = who;
  EXPECT_LT(ToJson(entry).size(), 8192u);
}

TEST(EntryJson, OtherLinesAreNoEntries) {
  for (const char* line : {"", "{", "[]", "1", "{}", "{\"event\": 1}", "{\"event\": {\"action\": 5}}"})
    EXPECT_FALSE(FromJson(line)) << line;
  const auto strange = FromJson(R"({"event": {"action": "connect", "reason": "x"}, "process": 7, "belfry": {"ancestors": [1, {}]},
                                    "user": {"id": "12x"}, "@timestamp": "soon"})");
  ASSERT_TRUE(strange);
  EXPECT_EQ(strange->pid, 0u);
  EXPECT_FALSE(strange->uid);
  EXPECT_THAT(strange->reasons, ElementsAre());
}

}  // namespace
}  // namespace belfry::effect
