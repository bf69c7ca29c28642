// What doctor concludes from what it finds.
#include "cli/doctor.h"

#include <gtest/gtest.h>

#include "cli/golden.h"
#include "cli/render_doctor.h"
#include "cli/samples.h"

namespace belfry::cli {
namespace {

const Screen kPaper{.width = 100, .colours = false};

constexpr char kAgentConf[] = R"(
agent {
    data_dir = "./.data"   # comment with { brace
    socket_path = "/run/spire/agent/public/api.sock"
    // admin_socket_path = "/wrong"
    admin_socket_path = "/run/other.sock"
    /* trust_domain = "x" { */
    trust_domain = "example.org"
}
plugins {
    NodeAttestor "join_token" { plugin_data {} }
    KeyManager "disk" { plugin_data { directory = "/x" } }
    WorkloadAttestor "unix" {
        plugin_cmd = "/usr/libexec/belfry/belfry-spire-plugin"
        plugin_args = ["--guard=spire-agent", "--profile=unix"]
        plugin_data { discover_workload_path = true }
    }
    WorkloadAttestor "docker" { plugin_data {} }
}
)";

Examination Healthy() {
  Examination examination;
  examination.probes = {{"btf", true, true, "the kernel describes its own data", ""},
                        {"lsm_active", false, false, "bpf is not in the list of active security modules",
                         "add bpf to lsm= on the kernel command line"}};
  examination.status = HealthyStatus();
  return examination;
}

TEST(Doctor, AllKept) {
  const Examination examination = Healthy();
  const Diagnosis diagnosis = Diagnose(examination);
  EXPECT_EQ(diagnosis.health, "kept");
  EXPECT_EQ(ExitOf(diagnosis.health), 0);
  ExpectGolden("doctor_kept.txt", RenderDoctor(diagnosis, kPaper));
}

TEST(Doctor, EverythingIsWrong) {
  Examination examination = Healthy();
  examination.probes.push_back(
      {"cgroup_v2", false, true, "no version 2 control group tree is mounted", "mount -t cgroup2 none /sys/fs/cgroup"});
  examination.status = BusyStatusOfOneReason();
  examination.spire =
      SpireSetup{.conf_path = "/etc/spire/agent.conf", .conf = ReadAgentConf(kAgentConf), .plugin_runs = false};
  examination.name_sources = {"ldap", "sss"};
  const Diagnosis diagnosis = Diagnose(examination);
  EXPECT_EQ(ExitOf(diagnosis.health), 2);
  ExpectGolden("doctor_wrong.txt", RenderDoctor(diagnosis, kPaper));
  ExpectGolden("doctor_wrong.json", DoctorJson(diagnosis, examination));
}

TEST(Doctor, NoDaemonIsBlind) {
  Examination examination = Healthy();
  examination.status.Clear();
  examination.asked =
      absl::UnavailableError("asking belfryd on /run/belfry/admin.sock: nobody listens there; start it");
  const Diagnosis diagnosis = Diagnose(examination);
  EXPECT_EQ(diagnosis.health, "blind");
  ExpectGolden("doctor_no_daemon.txt", RenderDoctor(diagnosis, kPaper));
  ExpectGolden("doctor_no_daemon.json", DoctorJson(diagnosis, examination));
}

// Each single trouble shows in the exit code.
TEST(Doctor, NoTroubleIsOverlooked) {
  struct Trouble {
    const char* name;
    void (*make)(Examination&);
    const char* health;
  };
  const Trouble troubles[] = {
      {"detached", [](Examination& e) { e.status.mutable_programs(0)->set_attached(false); }, "degraded"},
      {"canary", [](Examination& e) { e.status.mutable_canaries(0)->set_ok(false); }, "degraded"},
      {"impostor", [](Examination& e) { e.status.mutable_guards(0)->set_listener("impostor: pid 1"); }, "degraded"},
      {"required probe", [](Examination& e) { e.probes[0].ok = false; }, "blind"},
      {"map", [](Examination& e) { e.status.mutable_programs(0)->set_lost_map(1); }, "degraded"},
      {"missed", [](Examination& e) { e.status.mutable_programs(0)->set_missed(1); }, "degraded"},
      {"unaccounted", [](Examination& e) { e.status.mutable_programs(0)->set_seen(1); }, "degraded"},
      {"the daemon's word", [](Examination& e) { e.status.set_health("blind"); }, "blind"},
      {"no guards", [](Examination& e) { e.status.clear_guards(); }, "degraded"},
      {"agent.conf without us",
       [](Examination& e) {
         e.spire = SpireSetup{.conf_path = "x", .conf = {.socket_path = "/run/spire/agent/public/api.sock"}};
       },
       "degraded"},
      {"agent.conf unreadable", [](Examination& e) { e.spire = SpireSetup{.read = absl::NotFoundError("reading x")}; },
       "degraded"},
  };
  for (const Trouble& trouble : troubles) {
    Examination examination = Healthy();
    trouble.make(examination);
    EXPECT_EQ(Diagnose(examination).health, trouble.health) << trouble.name;
  }
}

TEST(AgentConf, FindsSocketsAndAttestors) {
  const AgentConf conf = ReadAgentConf(kAgentConf);
  EXPECT_EQ(conf.socket_path, "/run/spire/agent/public/api.sock");
  EXPECT_EQ(conf.admin_socket_path, "/run/other.sock");
  ASSERT_EQ(conf.attestors.size(), 2u);
  EXPECT_EQ(conf.attestors[0].name, "unix");
  EXPECT_EQ(conf.attestors[0].plugin_cmd, "/usr/libexec/belfry/belfry-spire-plugin");
  EXPECT_EQ(conf.attestors[1].name, "docker");
  EXPECT_EQ(conf.attestors[1].plugin_cmd, "");
}

TEST(AgentConf, StepsOverWhatItDoesNotKnow) {
  for (const char* text : {"", "{", "}}}}", "a = ", "\"", "<<", "<<EOF\nx", "/*", "plugins {",
                           "agent { socket_path = [\"a\",", "WorkloadAttestor \"x\" {"}) {
    ReadAgentConf(text);  // ends
  }
  const AgentConf conf = ReadAgentConf("agent { join_token = <<END\n}\nEND\n socket_path = \"/s\" }");
  EXPECT_EQ(conf.socket_path, "/s");
}

TEST(NameSources, NamesWhatIsNoFile) {
  EXPECT_EQ(ForeignNameSources("passwd: files systemd sss\ngroup: files [!UNAVAIL=return] ldap # nis\nhosts: dns\n"),
            (std::vector<std::string>{"ldap", "sss"}));
  EXPECT_TRUE(ForeignNameSources("passwd: files systemd\n").empty());
}

}  // namespace
}  // namespace belfry::cli
