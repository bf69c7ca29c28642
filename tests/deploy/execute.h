// A command of the shell, what it said and how it ended; and what a program's own --help says that it takes.
#ifndef BELFRY_TESTS_DEPLOY_EXECUTE_H_
#define BELFRY_TESTS_DEPLOY_EXECUTE_H_

#include <sys/wait.h>

#include <cstdio>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <vector>

namespace belfry::deploy {

struct Ran {
  int exit_code = -1;
  std::string said;
};
inline Ran Execute(const std::string& command) {
  Ran ran;
  FILE* out = popen(("exec 2>&1; " + command).c_str(), "r");
  if (out == nullptr) return ran;
  char bytes[4096];
  while (const size_t got = fread(bytes, 1, sizeof bytes, out)) ran.said.append(bytes, got);
  const int status = pclose(out);
  ran.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  return ran;
}
inline bool IsHere(const std::string& program) { return Execute("command -v " + program).exit_code == 0; }

inline std::vector<std::string> LinesOf(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

// "belfry", "belfry audit", "belfry policy check", ... and their options and verbs.
struct Command {
  std::string words;
  std::set<std::string> options, verbs;
};
inline void CommandsBelow(const std::string& words, std::vector<Command>& all) {
  Command command{.words = words};
  bool in_verbs = false;
  static const std::regex verb("  ([a-z]+) +.*"), option("  (?:-[a-z],)?(--[a-z-]+)(?: .*)?");
  for (const std::string& line : LinesOf(Execute(BELFRY_BUILD_DIR "/bin/" + words + " --help").said)) {
    std::smatch found;
    if (!line.starts_with(" ")) in_verbs = line == "Subcommands:";
    if (in_verbs && std::regex_match(line, found, verb)) command.verbs.insert(found[1]);
    if (!in_verbs && std::regex_match(line, found, option)) command.options.insert(found[1]);
  }
  all.push_back(command);
  for (const std::string& next : command.verbs) CommandsBelow(words + " " + next, all);
}
inline std::vector<Command> Commands() {
  std::vector<Command> all;
  CommandsBelow("belfry", all);
  CommandsBelow("belfryd", all);
  return all;
}

}  // namespace belfry::deploy

#endif  // BELFRY_TESTS_DEPLOY_EXECUTE_H_
