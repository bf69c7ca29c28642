// Each shell, asked for what may follow, offers exactly what the built programs take.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "deploy/execute.h"
#include "support/temporary_folder.h"

namespace belfry::deploy {
namespace {

using ::testing::Contains;
using Words = std::set<std::string>;

struct Shell {
  const char* name;
  const char* script;  // %f: the completion, %w: the words as the shell's own list; prints one offer a line
};

// zsh's own functions want a terminal: theirs are stood in for.
constexpr Shell kShells[] = {
    {"bash", R"(source %f; COMP_WORDS=(%w); COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
_belfry "${COMP_WORDS[0]}" "${COMP_WORDS[-1]}" "${COMP_WORDS[-2]}"; printf '%s\n' "${COMPREPLY[@]}")"},
    {"zsh", R"(_describe() { [[ $1 == -o ]] && shift; local one; for one in ${(P)2}; do print -r -- ${one%%:*}; done }
_files() { [[ $1 == -/ ]] && print -r -- FOLDERS || print -r -- FILES }
words=(%w); CURRENT=$#words; source %f)"},
    {"fish", "source %f; complete -C (string join ' ' -- %w) | string replace -r '\\t.*' ''"},
};

class Completion : public ::testing::TestWithParam<Shell> {
 protected:
  void SetUp() override {
    if (!IsHere(GetParam().name)) GTEST_SKIP() << "missing here: " << GetParam().name;
  }
  // `words`: the command so far, the last one unfinished and possibly ''.
  Words Offered(const std::string& words) {
    std::string script = GetParam().script;
    const auto put = [&](const std::string& mark, const std::string& text) {
      for (size_t at; (at = script.find(mark)) != std::string::npos;) script.replace(at, mark.size(), text);
    };
    put("%f", BELFRY_BUILD_DIR "/completions/belfry." + std::string(GetParam().name));
    put("%w", words);
    const bool fish = GetParam().name == std::string("fish"), bash = GetParam().name == std::string("bash");
    const Ran ran = Execute("PATH=" BELFRY_BUILD_DIR "/bin:$PATH " + std::string(GetParam().name) +
                        (fish ? " --no-config " : bash ? " --norc " : " -f ") + folder_.Write("script", script));
    Words offered;
    for (const std::string& line : LinesOf(ran.said))
      if (!line.empty()) offered.insert(line);
    return offered;
  }

  support::TemporaryFolder folder_;
};

TEST_P(Completion, OffersTheOptionsOfEveryVerb) {
  const std::vector<Command> commands = Commands();
  ASSERT_GT(commands.size(), 12u);
  for (const Command& command : commands) EXPECT_EQ(Offered(command.words + " --"), command.options) << command.words;
}

TEST_P(Completion, OffersTheVerbs) {
  for (const Command& command : Commands()) {
    if (command.verbs.empty()) continue;
    EXPECT_EQ(Offered(command.words + " ''"), command.verbs) << command.words;
  }
}

TEST_P(Completion, OffersWhatAnOptionTakes) {
  EXPECT_EQ(Offered("belfry audit --only ''"), Words({"violations"}));
  EXPECT_EQ(Offered("belfry attest --profile ''"), Words({"unix", "belfry"}));
  EXPECT_EQ(Offered("belfry audit --for ''"), Words());
  const std::string file = folder_.Write("a-policy.yaml", "");
  for (const std::string command : {"belfry audit --policy ", "belfry policy check ", "belfryd --config "}) {
    const Words offered = Offered(command + file.substr(0, file.size() - 5));
    EXPECT_THAT(offered, ::testing::AnyOf(Contains(file), Contains("FILES"))) << command;
  }
}

TEST_P(Completion, KnowsTheVerbBehindOptions) {
  const Words offered = Offered("belfry --run-dir /x audit --unix /y --tr");
  EXPECT_THAT(offered, Contains("--tree"));
}

// What is typed already is text, never a command.
TEST_P(Completion, RunsNothingThatIsTyped) {
  Offered("belfry '$(touch " + (folder_ / "ran") + ")' '`touch " + (folder_ / "ran") + "`' ''");
  EXPECT_FALSE(std::filesystem::exists(folder_ / "ran"));
}

INSTANTIATE_TEST_SUITE_P(Shells, Completion, ::testing::ValuesIn(kShells), [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace belfry::deploy
