// The built belfry as a person starts it: exit codes and error texts without a daemon, and answers with one.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "cli/golden.h"
#include "cli/samples.h"
#include "cli/version.h"
#include "kit/read_file.h"
#include "service/doors.h"
#include "service/fake_questions.h"
#include "support/temporary_folder.h"

extern char** environ;

namespace belfry::cli {
namespace {

struct Ended {
  int exit = -1;
  std::string out, err;
};

class Program : public testing::Test {
 protected:
  void SetUp() override {
    if (access(kPath, X_OK) != 0) GTEST_SKIP() << kPath << " is not built";
  }
  Ended Run(std::vector<std::string> words) const {
    words.insert(words.begin(), kPath);
    words.push_back("--run-dir=" + run_dir_);
    std::vector<char*> arguments;
    for (std::string& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    const std::string out = folder_ / "out", err = folder_ / "err";
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 1, out.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    posix_spawn_file_actions_addopen(&actions, 2, err.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    pid_t pid = -1;
    const int spawned = posix_spawn(&pid, kPath, &actions, nullptr, arguments.data(), environ);
    posix_spawn_file_actions_destroy(&actions);
    int status = -1;
    if (spawned != 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status)) return {};
    return {WEXITSTATUS(status), kit::ReadFile(out, 1 << 20).value(), kit::ReadFile(err, 1 << 20).value()};
  }

  static constexpr char kPath[] = BELFRY_BUILD_DIR "/bin/belfry";
  support::TemporaryFolder folder_;
  std::string run_dir_ = folder_ / "run";
};

TEST_F(Program, WithoutADaemon) {
  const Ended attest = Run({"attest", "1"});
  EXPECT_EQ(attest.exit, 4);
  EXPECT_EQ(attest.err, "belfry: asking belfryd on " + run_dir_ +
                            "/admin.sock: nobody listens there; start it with `systemctl start belfryd` or `belfryd "
                            "--config /etc/belfry/belfry.yaml`\n");
  EXPECT_EQ(attest.out, "");
  EXPECT_EQ(Run({"explain", "1"}).exit, 4);
  EXPECT_EQ(Run({"status"}).exit, 2);
  EXPECT_EQ(Run({"reload"}).exit, 4);
  EXPECT_EQ(Run({"doctor"}).exit, 2);
  EXPECT_NE(Run({"doctor"}).out.find("nobody listens there"), std::string::npos);
}

TEST_F(Program, DoctorSpeaksJsonWithoutADaemon) {
  const auto json = nlohmann::json::parse(Run({"doctor", "--json"}).out, nullptr, false);
  ASSERT_TRUE(json.is_object());
  EXPECT_EQ(json["schema"], 1);
  EXPECT_EQ(json["health"], "blind");
  EXPECT_TRUE(json["status"].is_null());
  EXPECT_FALSE(json["probes"].empty());
}

TEST_F(Program, ModeIsWrittenDownForTheNextDaemon) {
  const Ended done = Run({"mode", "spire-agent", "deny"});
  EXPECT_EQ(done.exit, 0) << done.err;
  EXPECT_NE(done.out.find("belfryd is not running"), std::string::npos);
  EXPECT_NE(kit::ReadFile(run_dir_ + "/mode.override.json", 4096).value().find("\"spire-agent\": \"deny\""),
            std::string::npos);
  EXPECT_EQ(Run({"mode", "--all", "observe"}).exit, 0);
  EXPECT_NE(kit::ReadFile(run_dir_ + "/mode.override.json", 4096).value().find("\"*\": \"observe\""),
            std::string::npos);
  EXPECT_EQ(Run({"mode", "spire-agent", "strict"}).exit, 64);
  EXPECT_EQ(Run({"mode", "--all", "a", "deny"}).exit, 64);
  EXPECT_EQ(Run({"mode", "deny"}).exit, 64);
}

TEST_F(Program, ChecksAPolicyWithoutADaemon) {
  const std::string file = folder_ / "belfry.yaml";
  std::ofstream(file) << "version: 1\nguards:\n  - name: docker\n    unix: /run/docker.sock\n    allow:\n      - { user: root }\n";
  const Ended good = Run({"policy", "check", file});
  EXPECT_EQ(good.exit, 0) << good.err;
  EXPECT_EQ(good.out, file + ": good: 1 guard, 1 rule\n");
  std::ofstream(file) << "version: 1\nguards:\n  - name: docker\n    unix: /run/docker.sock\n    alow: []\n    mode: dney\n";
  const Ended bad = Run({"policy", "check", file});
  EXPECT_EQ(bad.exit, 1);
  EXPECT_NE(bad.err.find(file + ":5:5: found unknown key \"alow\""), std::string::npos) << bad.err;
  EXPECT_NE(bad.err.find("did you mean \"allow\"?\n" + file + ":6:11: "), std::string::npos) << bad.err;
  EXPECT_EQ(Run({"policy", "check", file + "x"}).exit, 1);
  EXPECT_EQ(Run({"policy"}).exit, 64);
  EXPECT_EQ(Run({"policy", "explain", "1"}).exit, 64);
  EXPECT_EQ(Run({"policy", "explain", "1", "docker"}).exit, 4);
}

TEST_F(Program, HelpAndMisuse) {
  const Ended help = Run({"--help"});
  EXPECT_EQ(help.exit, 0);
  ExpectGolden("help.txt", help.out);
  EXPECT_EQ(Run({}).exit, 64);
  EXPECT_EQ(Run({"nonsense"}).exit, 64);
  EXPECT_EQ(Run({"attest"}).exit, 64);
  EXPECT_EQ(Run({"attest", "twelve"}).exit, 64);
  EXPECT_EQ(Run({"attest", "1", "--profile", "x"}).exit, 64);
}

TEST_F(Program, VersionIsTheProjects) {
  EXPECT_EQ(Run({"--version"}).out, std::string("belfry ") + kVersion + "\n");
  const std::string cmake = kit::ReadFile(BELFRY_SOURCE_DIR "/CMakeLists.txt", 1 << 20).value();
  EXPECT_NE(cmake.find(std::string("project(belfry VERSION ") + kVersion), std::string::npos);
}

// A daemon that answers with the samples.
class FakeDaemon : public service::FakeQuestions {
 public:
  void Status(service::Done<v1::StatusReply> done) override { done(status); }
  void Attest(const service::Peer&, const v1::AdminAttestRequest& request,
              service::Done<v1::AttestAnswer> done) override {
    v1::AttestAnswer answer = request.guard() == "other" ? WithheldAnswer() : SoundAnswer();
    if (request.pid() == 7) answer.set_verdict("not_ours");
    if (request.pid() == 8) answer.set_verdict("unavailable");
    done(answer);
  }
  void Explain(const service::Peer&, const v1::ExplainRequest& request, service::Done<v1::ExplainReply> done) override {
    done(request.pid() == 4242 ? HonestStory() : v1::ExplainReply());
  }
  void ExplainPolicy(const service::Peer&, const v1::PolicyRequest& request, service::Done<v1::PolicyReply> done) override {
    if (request.guard() == "nobody") return done(absl::NotFoundError("explaining a policy: no guard is named \"nobody\""));
    v1::PolicyReply reply = NotAllowedStory();
    if (request.pid() == 4242) reply.set_answer("allowed");
    done(reply);
  }
  void Reload(service::Done<v1::ReloadReply> done) override {
    done(absl::InvalidArgumentError("reading belfry.yaml: line 3, column 5: no such key; nothing was changed"));
  }
  v1::StatusReply status = HealthyStatus();
};

class WithDaemon : public Program {
 protected:
  void SetUp() override {
    Program::SetUp();
    if (IsSkipped()) return;
    service::DoorsOptions options;
    options.run_dir = run_dir_;
    auto doors = service::OpenDoors(std::move(options), daemon_);
    ASSERT_TRUE(doors.ok()) << doors.status();
    doors_ = *std::move(doors);
  }
  FakeDaemon daemon_;
  std::unique_ptr<service::Doors> doors_;
};

TEST_F(WithDaemon, ExitCodesAreTheVerdicts) {
  const Ended sound = Run({"attest", "4242"});
  EXPECT_EQ(sound.exit, 0) << sound.err;
  ExpectGolden("attest_sound.txt", sound.out);
  EXPECT_EQ(Run({"attest", "4242", "--guard", "other"}).exit, 1);
  EXPECT_EQ(Run({"attest", "7"}).exit, 3);
  EXPECT_EQ(Run({"attest", "8"}).exit, 4);
  EXPECT_EQ(Run({"explain", "4242"}).exit, 0);
  EXPECT_EQ(Run({"explain", "5"}).exit, 3);
  EXPECT_EQ(Run({"policy", "explain", "4242", "docker"}).exit, 0);
  EXPECT_EQ(Run({"policy", "explain", "5", "nobody"}).exit, 3);
  const Ended not_allowed = Run({"policy", "explain", "5", "docker", "--json"});
  EXPECT_EQ(not_allowed.exit, 1);
  ExpectGolden("policy_explain.json", not_allowed.out);
  EXPECT_EQ(Run({"status"}).exit, 0);
  daemon_.status = BusyStatusOfOneReason();
  EXPECT_EQ(Run({"status"}).exit, 2);
  ExpectGolden("status_busy.json", Run({"status", "--json"}).out);
}

TEST_F(WithDaemon, ErrorsOfTheDaemonArePassedOn) {
  const Ended reload = Run({"reload"});
  EXPECT_EQ(reload.exit, 1);
  EXPECT_EQ(reload.err, "belfry: reading belfry.yaml: line 3, column 5: no such key; nothing was changed\n");
  EXPECT_EQ(Run({"mode", "nobody", "deny"}).exit, 1);
  EXPECT_EQ(Run({"mode", "spire-agent", "deny"}).out, "spire-agent: deny\n");
}

}  // namespace
}  // namespace belfry::cli
