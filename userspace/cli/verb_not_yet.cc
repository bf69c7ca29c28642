#include <CLI/CLI.hpp>
#include <string>

#include "cli/exits.h"
#include "cli/verbs.h"

namespace belfry::cli {
namespace {

struct Verb {
  const char* name;
  const char* will;
};
constexpr Verb kVerbs[] = {
    {"learn", "(not in this version yet) write a policy from what was seen"},
    {"policy", "(not in this version yet) check and explain a policy"},
};

}  // namespace

void AddNotYet(CLI::App& app, Surroundings& surroundings, int& exit) {
  for (const Verb& verb : kVerbs) {
    CLI::App* added = app.add_subcommand(verb.name, verb.will);
    added->fallthrough(false);
    added->prefix_command();  // whatever follows is not looked at
    added->callback([name = std::string(verb.name), &surroundings, &exit] {
      surroundings.err << "belfry: " << name << ": not in this version yet\n";
      exit = kNotYet;
    });
  }
}

}  // namespace belfry::cli
