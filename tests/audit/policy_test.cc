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

}  // namespace
}  // namespace belfry::audit
