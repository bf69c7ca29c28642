// Rules on the running kernel: who is told to be a violation, and that what was learnt from an interval allows it again.
#include "audit/watched.h"

namespace belfry::audit {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

class Policy : public Watched {
 protected:
  std::string Written(const std::string& allow) const {
    const std::string file = folder_ / "belfry.yaml";
    std::ofstream(file) << "version: 1\nhost: self\nguards:\n  - name: watched\n    unix: " << Socket() << "\n    allow:\n" << allow;
    return file;
  }
  std::string Copy(const std::string& name) const {
    const std::string path = folder_ / name;
    std::filesystem::copy_file(kClient, path);
    return path;
  }
  Json Seen(daemon::Program& audit, const std::string& program) {
    EXPECT_EQ(Run({program, "connect", Socket()}), 0);
    return Next(audit, "connect");
  }
};

TEST_F(Policy, WhomNoRuleFitsIsAViolationInTheLineOfItsConnect) {
  auto audit = Audit({"--json", "--policy", Written("      - { name: client, exe: " + std::string(kClient) + ", user: root }\n")}, false);
  const Json allowed = Seen(*audit, kClient);
  EXPECT_FALSE(allowed["belfry"].contains("violation")) << allowed;
  EXPECT_EQ(allowed["rule"]["name"], "client");
  const std::string other = Copy("other");
  const Json violation = Seen(*audit, other);
  EXPECT_EQ(violation["belfry"]["violation"], true) << violation;
  EXPECT_EQ(violation["event"]["kind"], "alert");
  EXPECT_EQ(violation["message"], "nearest rule client: exe is " + other + ", not " + kClient);
}

TEST_F(Policy, AnExecutableThatComesLaterAndIsReplaced) {
  const std::string path = folder_ / "later";
  auto audit = Audit({"--json", "--policy", Written("      - { exe: " + path + " }\n")}, false);
  EXPECT_EQ(Seen(*audit, kClient)["belfry"]["violation"], true);
  Copy("later");
  const Json there = Seen(*audit, path);
  EXPECT_FALSE(there["belfry"].contains("violation")) << there;
  Copy("next");
  std::filesystem::rename(folder_ / "next", path);
  const Json replaced = Seen(*audit, path);
  EXPECT_FALSE(replaced["belfry"].contains("violation")) << replaced;
}

TEST_F(Policy, WhatAnIntervalTaughtAllowsWhoWasSeenAndNobodyElse) {
  daemon::Program learn({kBelfry, "learn", "--unix", Socket()}, {});
  AwaitReady(learn);
  ASSERT_EQ(Run({kClient, "connect", Socket()}), 0);
  std::string text;
  for (const std::string& line : Rest(learn)) text += line + "\n";
  EXPECT_THAT(text, StartsWith("# Written by belfry learn"));
  EXPECT_THAT(text, HasSubstr(std::string("- { exe: ") + kClient + ", user: root"));
  const std::string file = folder_ / "learnt.yaml";
  std::ofstream(file) << text << "host: self\n";
  auto audit = Audit({"--json", "--policy", file}, false);
  const Json allowed = Seen(*audit, kClient);
  EXPECT_FALSE(allowed["belfry"].contains("violation")) << allowed;
  EXPECT_EQ(Seen(*audit, Copy("other"))["belfry"]["violation"], true);
}

// From a recording: whoever is in it is served as before, whoever is not is a violation.
TEST_F(Policy, WhatARecordingTaughtRefusesNobodyWhoIsInIt) {
  const std::string other = Copy("other"), seen = folder_ / "seen.json", file = folder_ / "belfry.yaml", run = folder_ / "run";
  const auto clients = [&] {
    int failed = 0;
    for (const std::string& client : {std::string(kClient), other})
      for (const char* how : {"connect", "uring", "int80"}) failed += Run({client, how, Socket()}) != 0;
    return failed;
  };
  daemon::Program audit({"/bin/sh", "-c", std::string("exec ") + kBelfry + " audit --json --unix " + Socket() + " >" + seen}, {});
  AwaitReady(audit);
  ASSERT_EQ(clients(), 0);
  audit.Signal(SIGINT);
  ASSERT_EQ(audit.Wait(), 0);
  daemon::Program learn({kBelfry, "learn", seen}, {});
  std::string text = "host: self\npin: false\nrun_dir: " + run + "\n";
  for (std::string line; !(line = learn.Line()).empty();) text += line + "\n";
  const size_t mode = text.find("mode: observe");
  ASSERT_NE(mode, std::string::npos) << text;
  std::ofstream(file) << text.replace(mode, 13, "mode: deny");
  daemon::Program belfryd({kBelfryd, "--config", file}, {});
  for (std::string line; (line = belfryd.ErrorLine()).find("guarding ") == std::string::npos;) ASSERT_FALSE(line.empty()) << text;
  auto follower = Audit({"--json", "--only", "violations", "--run-dir", run}, false);
  EXPECT_EQ(clients(), 0);
  daemon::Program status({kBelfry, "--run-dir", run, "status", "--json"}, {});
  std::string json;
  for (std::string line; !(line = status.Line()).empty();) json += line;
  const Json guard = Json::parse(json)["guards"][0];
  for (const char* count : {"withheld", "cut", "barred", "limited"}) EXPECT_EQ(guard[count], "0") << count;
  Run({Copy("stranger"), "connect", Socket()});
  EXPECT_THAT(follower->Line(), HasSubstr("/stranger\"")) << "who was seen is a violation";
}

}  // namespace
}  // namespace belfry::audit
