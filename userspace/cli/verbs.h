// Every verb, one file each: it adds itself to the command line and, when it was chosen, leaves its exit code.
#ifndef BELFRY_CLI_VERBS_H_
#define BELFRY_CLI_VERBS_H_

#include "cli/surroundings.h"

namespace CLI {
class App;
}

namespace belfry::cli {

void AddDemo(CLI::App& app, Surroundings& surroundings, int& exit);
void AddDoctor(CLI::App& app, Surroundings& surroundings, int& exit);
void AddAttest(CLI::App& app, Surroundings& surroundings, int& exit);
void AddExplain(CLI::App& app, Surroundings& surroundings, int& exit);
void AddStatus(CLI::App& app, Surroundings& surroundings, int& exit);
void AddMode(CLI::App& app, Surroundings& surroundings, int& exit);
void AddReload(CLI::App& app, Surroundings& surroundings, int& exit);
void AddAudit(CLI::App& app, Surroundings& surroundings, int& exit);
void AddPolicy(CLI::App& app, Surroundings& surroundings, int& exit);
void AddLearn(CLI::App& app, Surroundings& surroundings, int& exit);

}  // namespace belfry::cli

#endif  // BELFRY_CLI_VERBS_H_
