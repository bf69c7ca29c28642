// The rules of the house hold for this tree, and each rule is seen to catch a planted violation.
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <iterator>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "house/rules.h"

namespace belfry::house {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

const Tree& TheTree() {
  static const Tree tree = ReadTree(BELFRY_SOURCE_DIR);
  return tree;
}

struct RuleCase {
  const char* name;
  Rule rule;
  const char* planted_path;
  const char* planted_text;
  const char* expected;  // in the violation
};

// GoogleTest prints parameters; bytes would say nothing.
void PrintTo(const RuleCase& rule, std::ostream* out) { *out << rule.name; }

const RuleCase kRules[] = {
    {"IncludesGoDown", IncludesGoDown, "userspace/kit/x.cc", "#include \"host/y.h\"\n", "not below it"},
    {"IncludesNotSideways", IncludesGoDown, "userspace/host/x.cc", "#include \"kernel/y.h\"\n", "not below it"},
    {"LibbpfDoor", OneDoorPerLibrary, "userspace/host/x.cc", "#include <bpf/libbpf.h>\n", "libbpf"},
    {"GrpcDoor", OneDoorPerLibrary, "userspace/engine/x.cc", "#include \"a/b.grpc.pb.h\"\n", "gRPC"},
    {"YamlDoor", OneDoorPerLibrary, "userspace/cli/x.cc", "#include \"yaml-cpp/yaml.h\"\n", "yaml-cpp"},
    {"ProcIsReadInHost", ProcIsReadInHost, "userspace/engine/x.cc", "auto f = \"/proc/self/exe\";\n", "/proc/self/exe"},
    {"PluginIncludes", PluginStaysThin, "userspace/plugin/x.cc", "#include \"kernel/kernel.h\"\n", "protos only"},
    {"PluginLinks", PluginStaysThin, "userspace/plugin/plugin.cmake", "target_link_libraries(x PkgConfig::LIBBPF)\n",
     "links more"},
    {"EveryRoomHasALevel", EveryRoomHasALevel, "userspace/attic/x.cc", "\n", "without a level"},
    {"HeadersAreGuarded", HeadersAreGuarded, "userspace/kit/x.h", "#pragma once\n", "BELFRY_KIT_X_H_"},
    {"HeadersSayWhatFor", HeadersSayWhatFor, "userspace/kit/x.h", "#ifndef A\n", "opens without"},
    {"BpfNamesHooks", BpfFilesOpenWithHooks, "bpf/x.bpf.c",
     "/* SPDX */\n/* Who asked.\n * tp_btf/fork  new */\nSEC(\"tp_btf/exit\")\n", "tp_btf/exit"},
    {"BpfOpensWithSentence", BpfFilesOpenWithHooks, "bpf/x.bpf.c", "int x;\n", "without a sentence"},
    {"BpfLicence", KernelSideIsDualLicensed, "bpf/x.bpf.c", "/* MIT */\n", "SPDX"},
    {"NamesOfTypes", NamesSayWhat, "userspace/kit/x.cc", "class SocketManager {};\n", "SocketManager"},
    {"NamesOfFiles", NamesSayWhat, "userspace/kit/file_util.cc", "\n", "util"},
    {"NoHost", NoHostNorMachine, "deploy/x.sh",
     "curl deb.debian"
     ".org\n",
     "names"},
    {"NoMachine", NoHostNorMachine, "deploy/x.sh",
     "cd /wo"
     "rk/main\n",
     "names"},
};

class HouseRule : public ::testing::TestWithParam<RuleCase> {};

TEST_P(HouseRule, HoldsInThisTree) { EXPECT_THAT(GetParam().rule(TheTree()), IsEmpty()); }

TEST_P(HouseRule, CatchesAPlantedViolation) {
  Tree planted;
  planted.files[GetParam().planted_path] = GetParam().planted_text;
  EXPECT_THAT(GetParam().rule(planted), ::testing::Contains(HasSubstr(GetParam().expected)));
}

INSTANTIATE_TEST_SUITE_P(All, HouseRule, ::testing::ValuesIn(kRules),
                         [](const auto& info) { return std::string(info.param.name); });

TEST(HouseSizes, NoFileAboveFourHundredLines) {
  EXPECT_THAT(NoFileAboveLimit(TheTree()), IsEmpty());
  const Sizes sizes = MeasureSources(TheTree());
  ASSERT_GT(sizes.files, 0);
  RecordProperty("files", sizes.files);
  RecordProperty("under_100", sizes.under_100);
  RecordProperty("above_250", sizes.above_250);
  std::cout << sizes.under_100 << " of " << sizes.files << " source files have fewer than 100 lines, "
            << sizes.above_250 << " more than 250\n";
}

TEST(HouseSizes, CatchesALongFile) {
  Tree planted;
  for (int i = 0; i < 401; ++i) planted.files["userspace/kit/x.cc"] += "\n";
  EXPECT_THAT(NoFileAboveLimit(planted), ::testing::Contains(HasSubstr("401 lines")));
}

TEST(HouseReadme, NamesEveryFolder) { EXPECT_THAT(ReadmeNamesEveryFolder(TheTree()), IsEmpty()); }

TEST(HouseReadme, CatchesAFolderLeftOut) {
  Tree planted;
  planted.files["README.md"] = "| `kit/` | words |\n";
  planted.folders = {"userspace", "userspace/kit", "userspace/host", "userspace/host/deep"};
  EXPECT_THAT(ReadmeNamesEveryFolder(planted),
              ::testing::ElementsAre(HasSubstr("for userspace"), HasSubstr("for userspace/host")));
}

// Prose about /proc and comments are no access; raw strings and nested quotes are read right.
TEST(HouseCode, TellsCodeFromCommentsAndLiterals) {
  const Code code =
      SplitCode("// \"/proc/1\"\nauto a = \"what /proc says\"; /* \"x\" */ auto b = R\"(/proc/self)\"; 'c';\n");
  EXPECT_THAT(code.literals, ::testing::ElementsAre("what /proc says", "/proc/self"));
  EXPECT_EQ(code.text.find("proc"), std::string::npos);
  EXPECT_NE(code.text.find("auto b"), std::string::npos);
}

// The built plugin must not carry libbpf: what it links is seen in the file itself.
TEST(HousePlugin, BuiltProgramHasNoLibbpf) {
  std::ifstream in(std::string(BELFRY_BUILD_DIR) + "/bin/belfry-spire-plugin", std::ios::binary);
  if (!in) GTEST_SKIP() << "belfry-spire-plugin is not built";
  const std::string bytes((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  EXPECT_EQ(bytes.find("libbpf: "), std::string::npos);
}

// What deploy/ hands out must be what the built daemon accepts.
TEST(HouseDeploy, SampleConfigurationIsGood) {
  const std::string daemon = std::string(BELFRY_BUILD_DIR) + "/bin/belfryd";
  if (!std::ifstream(daemon)) GTEST_SKIP() << "belfryd is not built";
  EXPECT_EQ(std::system((daemon + " --check --config " BELFRY_SOURCE_DIR "/deploy/belfry.yaml 2>&1").c_str()), 0);
}

}  // namespace
}  // namespace belfry::house
