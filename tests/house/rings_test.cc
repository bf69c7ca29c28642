// tests/rings.sh counts what the runners recorded: a failure, a crash or a skip cannot pass unseen.
#include <stdlib.h>

#include <array>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace belfry::house {
namespace {

using ::testing::HasSubstr;

class RingCounts : public ::testing::Test {
 protected:
  void SetUp() override {
    if (std::system("command -v jq >/dev/null 2>&1") != 0) GTEST_SKIP() << "jq is missing";
    std::string name = ::testing::TempDir() + "belfry-rings-XXXXXX";
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    folder_ = name;
  }
  void TearDown() override {
    if (!folder_.empty()) std::filesystem::remove_all(folder_);
  }

  void Write(const std::string& name, const std::string& text) { std::ofstream(folder_ + "/" + name) << text; }

  // What `summarize` prints after these commands; $f is the folder of the fixtures.
  std::string Run(const std::string& commands) {
    Write("script", "root=" BELFRY_SOURCE_DIR " f=" + folder_ + " results=" + folder_ +
                        "\ncd $f; . $root/deploy/steps.sh; . $root/tests/rings.sh\n" + commands +
                        "\nsummarize; echo exit $?\n");
    FILE* pipe = popen(("bash " + folder_ + "/script 2>&1").c_str(), "r");
    std::string out;
    std::array<char, 4096> chunk;
    while (pipe != nullptr && fgets(chunk.data(), chunk.size(), pipe) != nullptr) out += chunk.data();
    if (pipe != nullptr) pclose(pipe);
    return out;
  }

  // A program that behaves as GoogleTest does: writes `json` where it is told to, prints `log`, ends as told.
  void WriteProgram(const std::string& json, const std::string& log, const std::string& end) {
    std::filesystem::create_directories(folder_ + "/tests");
    Write("given.json", json);
    Write("given.log", log);
    Write("tests/x_test", "#!/bin/bash\n[ -s " + folder_ + "/given.json ] && cp " + folder_ +
                              "/given.json \"${1#--gtest_output=json:}\"\ncat " + folder_ + "/given.log\n" + end);
    std::filesystem::permissions(folder_ + "/tests/x_test", std::filesystem::perms::owner_all);
  }

  std::string folder_;
};

constexpr char kGtestJson[] = R"({"tests": 3, "failures": 1, "testsuites": [{"name": "A", "testsuite": [
  {"name": "Pass", "status": "RUN", "result": "COMPLETED"},
  {"name": "Fail", "status": "RUN", "result": "COMPLETED", "failures": [{"failure": "x.cc:7\nbecause"}]},
  {"name": "Skip", "status": "RUN", "result": "SKIPPED"}]}]})";
constexpr char kGtestLog[] =
    "[ RUN      ] A.Pass\n[       OK ] A.Pass (0 ms)\n[ RUN      ] A.Skip\nx.cc:9: Skipped\nneeds root\n\n"
    "[  SKIPPED ] A.Skip (0 ms)\n[ RUN      ] A.Fail\n";

TEST_F(RingCounts, CountsGtestAndTellsWhySkipped) {
  WriteProgram(kGtestJson, kGtestLog, "exit 1\n");
  const std::string out = Run("run_program unit $f x 1/1");
  EXPECT_THAT(out, HasSubstr("\n1 passed, 1 failed, 1 skipped\nexit 1\n"));
  EXPECT_THAT(out, HasSubstr("x_test --gtest_filter='A.Fail'"));
  EXPECT_THAT(out, HasSubstr("because"));
  EXPECT_THAT(out, HasSubstr("A.Skip: needs root"));
}

TEST_F(RingCounts, ACrashIsAFailureOfTheTestThatRan) {
  WriteProgram("", kGtestLog, "kill -ABRT $$\n");
  const std::string out = Run("run_program unit $f x 1/1");
  EXPECT_THAT(out, HasSubstr("\n1 passed, 1 failed, 1 skipped\nexit 1\n"));
  EXPECT_THAT(out, HasSubstr("A.Fail: exit 134"));
}

TEST_F(RingCounts, AHangIsAFailure) {
  WriteProgram("", kGtestLog, "exec sleep 600\n");
  EXPECT_THAT(Run("PROGRAM_SECONDS=0.1; run_program unit $f x 1/1"), HasSubstr("still running"));
}

TEST_F(RingCounts, ABadExitAfterGoodTestsIsAFailure) {
  WriteProgram(R"({"tests": 0, "failures": 0, "testsuites": []})", "", "exit 23\n");
  EXPECT_THAT(Run("run_program unit $f x 1/1"), HasSubstr("\n0 passed, 1 failed, 0 skipped\nexit 1\n"));
}

TEST_F(RingCounts, AMissingProgramIsAFailure) { EXPECT_THAT(Run("run_program unit $f x 1/1"), HasSubstr("not built")); }

TEST_F(RingCounts, NoTestAtAllIsAFailure) {
  EXPECT_THAT(Run(":"), HasSubstr("No test ran.\n0 passed, 0 failed, 0 skipped\nexit 1\n"));
}

TEST_F(RingCounts, CountsTheLeavesOfGo) {
  Write("go.json",
        R"({"Action":"pass","Package":"p","Test":"TestA/one"}
{"Action":"output","Package":"p","Test":"TestA/two","Output":"    x_test.go:3: boom\n"}
{"Action":"fail","Package":"p","Test":"TestA/two"}
{"Action":"fail","Package":"p","Test":"TestA"}
{"Action":"output","Package":"p","Test":"TestC","Output":"    x_test.go:5: no agent\n"}
{"Action":"skip","Package":"p","Test":"TestC"}
{"Action":"fail","Package":"p/broken","FailedBuild":"p/broken"}
not json
)");
  const std::string out = Run("count_go spire $f/go.json");
  EXPECT_THAT(out, HasSubstr("\n1 passed, 2 failed, 1 skipped\nexit 1\n"));
  EXPECT_THAT(out, HasSubstr("x_test.go:3: boom"));
  EXPECT_THAT(out, HasSubstr("TestC: x_test.go:5: no agent"));
}

// A guest that never came up is no word about Belfry; one in which a case hung is.
TEST_F(RingCounts, CountsWhatGuestsTold) {
  Write("vm.log",
        "# [1/2] 7: doctor (0m09s)\nok 7/doctor (17 s)\nok 7/kill # SKIP missing: time, after 15 minutes\n"
        "not ok 6.12/boot: twice the guest died before a case ran\n"
        "not ok 6.1/budget (20 s): exit 1: 13 programs\n#   repeat: vmtests/run.sh 6.1 budget\n"
        "not ok 6.1/kernel: twice a guest hung in it\n1 passed, 3 failed, 1 skipped\n");
  const std::string out = Run("count_tap vm $f/vm.log");
  EXPECT_THAT(out, HasSubstr("\n1 passed, 2 failed, 2 skipped\nexit 1\n"));
  EXPECT_THAT(out, HasSubstr("7/kill: missing: time"));
  EXPECT_THAT(out, HasSubstr("6.12/boot: missing: a guest that comes up"));
  EXPECT_THAT(out, HasSubstr("6.1/budget: (20 s): exit 1: 13 programs"));
  EXPECT_THAT(out, HasSubstr("repeat: vmtests/run.sh 6.1 kernel"));
}

// SECONDS is the shell's own count, and may be set.
TEST_F(RingCounts, MachinesGetWhatIsLeftOfTheRun) {
  const std::string told = "unset BELFRY_VM_MINUTES; watched() { echo \"minutes $BELFRY_VM_MINUTES\"; echo '1 passed, 0 failed' >$1; }; count_tap() { :; }; ";
  EXPECT_THAT(Run(told + "SECONDS=60; run_machines"), HasSubstr("minutes 8\n"));
  EXPECT_THAT(Run(told + "SECONDS=$((39 * 60)); run_machines"), HasSubstr("minutes 3\n"));
  EXPECT_THAT(Run(told + "SECONDS=$((43 * 60)); BELFRY_VM_MINUTES=90; run_machines"), HasSubstr("minutes 90\n"));
  EXPECT_THAT(Run(told + "SECONDS=$((43 * 60)); run_machines"), HasSubstr("the whole ring: missing: time, the run has taken 43 minutes"));
}

TEST_F(RingCounts, SaysHowToRepeatACaseOfThisMachine) {
  Write("services.log", "not ok here/services (9 s): exit 1: a page\n#   repeat: vmtests/here.sh services\n");
  EXPECT_THAT(Run("count_tap services $f/services.log"), HasSubstr("repeat: vmtests/here.sh services\n"));
}

}  // namespace
}  // namespace belfry::house
