// What SPIRE's agent.conf says that matters to Belfry: its sockets and its workload attestors.
//
// Reads the HCL that agents have (blocks, key = value, three kinds of comments, heredocs skipped), not all of HCL: what
// it does not understand it steps over. Pure. Source: spire-facts 3 and 4, SPIRE doc/spire_agent.md.
#ifndef BELFRY_CLI_AGENT_CONF_H_
#define BELFRY_CLI_AGENT_CONF_H_

#include <string>
#include <string_view>
#include <vector>

namespace belfry::cli {

struct AttestorConf {
  std::string name;        // "unix"
  std::string plugin_cmd;  // empty: SPIRE's built-in
  std::string plugin_checksum;
};

struct AgentConf {
  std::string socket_path;        // empty: SPIRE's default
  std::string admin_socket_path;  // empty: none
  std::vector<AttestorConf> attestors;
};

AgentConf ReadAgentConf(std::string_view text);

}  // namespace belfry::cli

#endif  // BELFRY_CLI_AGENT_CONF_H_
