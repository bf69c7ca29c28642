#include "cli/samples.h"

namespace belfry::cli {
namespace {

void AddProgram(v1::StatusReply& status, const char* name, bool attached, uint64_t seen, uint64_t sent,
                uint64_t lost_ring = 0, uint64_t missed = 0) {
  v1::ProgramStatus& program = *status.add_programs();
  program.set_name(name);
  program.set_attached(attached);
  program.set_seen(seen);
  program.set_sent(sent);
  program.set_ignored(seen - sent - lost_ring);
  program.set_lost_ring(lost_ring);
  program.set_missed(missed);
}

v1::StatusReply Begin(const char* health) {
  v1::StatusReply status;
  status.set_schema(1);
  status.set_version("0.1.0");
  status.set_backend("cgroup");
  status.set_health(health);
  status.add_steps_down("bpf_lsm: bpf is not in the active LSM list");
  status.add_blind_to("foreign_sender");
  status.set_processes(1204);
  v1::CanaryResult& canary = *status.add_canaries();
  canary.set_capability("connect");
  canary.set_ok(true);
  canary.set_detail("our own connect was recorded");
  return status;
}

v1::GuardStatus& AddAgent(v1::StatusReply& status, const char* mode) {
  v1::GuardStatus& guard = *status.add_guards();
  guard.set_name("spire-agent");
  guard.set_mode(mode);
  guard.add_sockets("/run/spire/agent/public/api.sock");
  guard.add_sockets("/run/spire/agent/admin/api.sock");
  guard.set_listener("pid 812 /opt/spire/bin/spire-agent");
  guard.set_listener_pid(812);
  guard.set_connections(37);
  guard.set_sound(34012);
  guard.set_withheld(3);
  guard.set_cut(3);
  guard.set_watched_since_ns(kNow - 3 * kDay);
  return guard;
}

}  // namespace

v1::StatusReply HealthyStatus() {
  v1::StatusReply status = Begin("kept");
  status.set_connections(37);
  status.set_adopted(true);
  AddAgent(status, "deny");
  AddProgram(status, "process_exec", true, 1204000, 1204000);
  AddProgram(status, "connect_unix", true, 88120, 34015);
  return status;
}

v1::StatusReply BusyStatus() {
  v1::StatusReply status = Begin("blind");
  status.set_connections(1);
  v1::GuardStatus& agent = AddAgent(status, "observe");
  (*agent.mutable_would_withhold())["exec_after_connect"] = 3;
  (*agent.mutable_would_withhold())["fd_transferred"] = 1;
  agent.set_last_would_withhold_ns(kNow - 3 * kMinute);
  agent.add_would_be_hit(std::string("pid 4242 ") + "/usr/bin/payments (exec_after_connect)");
  agent.add_would_be_hit("pid 99 /tmp/\x1b[2Jx (fd_transferred)");
  v1::GuardStatus& docker = *status.add_guards();
  docker.set_name("docker");
  docker.set_mode("warn");
  docker.add_sockets("/run/docker.sock");
  docker.set_limit("20/s per uid, burst 50");
  docker.set_limited(1204);
  docker.set_barred(1033);
  docker.set_listener("impostor: pid 77 /tmp/fake is not /usr/bin/dockerd");
  docker.set_watched_since_ns(kNow - 90 * kMinute);
  AddProgram(status, "process_exec", true, 1000, 990, 10);
  AddProgram(status, "connect_unix", false, 500, 100, 0, 7);
  v1::Gap& gap = *status.add_gaps();
  gap.set_from_ns(kNow - 2 * kHour);
  gap.set_to_ns(kNow - 2 * kHour + 4 * kSecond);
  gap.set_why("the daemon was not running and its programs were not pinned");
  v1::Finding& finding = *status.add_findings();
  finding.set_severity("degraded");
  finding.set_what("the digest workers are 20 files behind");
  finding.set_remedy("raise `digest_workers`");
  return status;
}

v1::StatusReply BusyStatusOfOneReason() {
  v1::StatusReply status = BusyStatus();
  status.mutable_guards(0)->mutable_would_withhold()->erase("fd_transferred");
  return status;
}

v1::AttestAnswer SoundAnswer() {
  v1::AttestAnswer answer;
  answer.set_schema(1);
  answer.set_pid(4242);
  answer.set_guard("spire-agent");
  answer.set_mode("deny");
  answer.set_verdict("sound");
  for (const char* selector : {"uid:1000", "user:payments", "gid:1000", "path:/usr/bin/payments"})
    answer.add_selectors(selector);
  answer.set_absent("sha256: the executable is larger than the limit of 10 MiB");
  return answer;
}

v1::AttestAnswer WithheldAnswer() {
  v1::AttestAnswer answer;
  answer.set_schema(1);
  answer.set_pid(4242);
  answer.set_guard("spire-agent");
  answer.set_mode("deny");
  answer.set_verdict("withheld");
  answer.add_reasons("exec_after_connect");
  answer.add_reasons("fd_transferred");
  answer.set_message("belfry: guard spire-agent: pid 4242: exec_after_connect, fd_transferred; belfry explain 4242");
  return answer;
}

v1::ExplainReply HonestStory() {
  v1::ExplainReply reply;
  reply.set_schema(1);
  reply.set_pid(4242);
  reply.set_known(true);
  v1::ProcessStory& process = *reply.mutable_process();
  process.set_comm("payments");
  process.set_path("/usr/bin/payments");
  process.set_image("8388609:131:0");
  process.set_filename("./payments");
  for (const char* argument : {"./payments", "--listen", "8080"}) process.add_argv(argument);
  process.set_uid(1000);
  process.set_gid(1000);
  process.set_started_ns(kNow - 26 * kHour);
  process.set_exec_ns(kNow - 26 * kHour);
  process.set_exec_id(3);
  process.set_how_known("exec");
  process.add_ancestry("501 /usr/lib/systemd/systemd");
  process.add_ancestry("1 /usr/lib/systemd/systemd");
  v1::ConnectionStory& connection = *reply.add_connections();
  connection.set_guard("spire-agent");
  connection.set_cookie(77);
  connection.set_since_ns(kNow - 25 * kHour);
  connection.set_how_known("connect");
  connection.set_exec_id(3);
  connection.set_alive(true);
  *reply.add_answers() = SoundAnswer();
  return reply;
}

v1::ExplainReply SwappedStory() {
  v1::ExplainReply reply = HonestStory();
  v1::ProcessStory& process = *reply.mutable_process();
  process.set_comm("pay\x1b[2J");
  process.set_filename(
      "/tmp/\x1b]0;owned\x07\n\xe2\x80\xae"
      "gnp.exe");
  process.set_exec_ns(kNow - 41 * kSecond);
  process.set_exec_id(4);
  process.add_taints("untrusted_code");
  process.add_place("another mount namespace than the host's");
  process.set_how_known("backfilled");
  v1::ConnectionStory& connection = *reply.mutable_connections(0);
  connection.add_taints("exec_after_connect");
  connection.add_taints("fd_transferred");
  connection.add_taints("a_reason_of_the_future");
  connection.add_holders("pid 99 fd 3");
  *reply.mutable_answers(0) = WithheldAnswer();
  return reply;
}

v1::PolicyReply NotAllowedStory() {
  v1::PolicyReply reply;
  reply.set_schema(1);
  reply.set_pid(4711);
  reply.set_guard("docker");
  reply.set_mode("deny");
  reply.set_answer("not_allowed");
  reply.set_says("deny");
  reply.set_rule("backup");
  reply.set_line(14);
  const auto add = [&](const char* field, bool excluded, bool holds, const char* asked, const char* found) {
    v1::FieldStory& story = *reply.add_fields();
    story.set_field(field);
    story.set_excluded(excluded);
    story.set_holds(holds);
    story.set_asked(asked);
    story.set_found(found);
  };
  add("exe", false, false, "/usr/bin/restic or /usr/bin/borg", "/tmp/\\x1b[2Jrestic");
  add("gid", false, true, "999", "100, 999");
  add("unit", true, false, "cron.service", "not known: it is in the root cgroup");
  return reply;
}

}  // namespace belfry::cli
