// What an audit shows people, and what it writes where nobody reads.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/audit_filter.h"
#include "cli/audit_guards.h"
#include "cli/audit_summary.h"
#include "cli/golden.h"
#include "cli/outlet.h"
#include "cli/render_audit.h"
#include "effect/entry_json.h"
#include "kit/escape.h"
#include "support/temporary_folder.h"

namespace belfry::cli {
namespace {

using effect::Entry;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr uint64_t kMorning = 1764132663'123456000;  // 2025-11-26T04:51:03.123456Z

std::shared_ptr<const effect::Who> Who(effect::Program program, std::vector<effect::Ancestor> parents = {},
                                       std::vector<std::string> args = {}) {
  return std::make_shared<const effect::Who>(
      effect::Who{.program = std::move(program), .args = std::move(args), .known_by = "exec", .parents = std::move(parents)});
}
std::shared_ptr<const host::Home> Home(const std::string& cgroup) {
  return std::make_shared<const host::Home>(host::HomeOf(cgroup));
}
const std::vector<effect::Ancestor> kShell = {{.pid = 900, .program = {.exe = "/usr/bin/bash", .comm = "bash"}},
                                              {.pid = 800, .program = {.exe = "/usr/sbin/sshd", .comm = "sshd"}},
                                              {.pid = 1, .program = {.exe = "/usr/lib/systemd/systemd", .comm = "systemd"}}};

Entry Connect(uint32_t pid, effect::Program program) {
  Entry entry{.action = "connect", .outcome = "success", .wall_ns = kMorning + pid * 1'000'000ull, .guard = "docker",
              .socket = "/run/docker.sock", .pid = pid, .uid = 1000, .gid = 100, .user = "ann", .group = "users",
              .verdict = "sound", .mode = "observe", .cookie = pid};
  entry.comm = program.comm;
  entry.who = Who(std::move(program), kShell);
  entry.home = Home("/user.slice/user-1000.slice/session-3.scope");
  return entry;
}

// A morning at a docker socket; each line as its JSON has it.
std::vector<Entry> Morning() {
  std::vector<Entry> lines;
  lines.push_back({.action = "listener_enrolled", .wall_ns = kMorning, .guard = "docker", .pid = 700, .uid = 0, .user = "root",
                   .path = "/usr/bin/dockerd", .home = Home("/system.slice/docker.service")});
  lines.push_back(Connect(1001, {.exe = "/usr/bin/docker", .comm = "docker"}));
  lines.push_back(Connect(1002, {.exe = "/usr/bin/dash", .script = "/opt/tools/very/deep/in/a/tree/of/folders/deploy.sh", .comm = "deploy.sh"}));
  lines.push_back(Connect(1003, {.exe = "/usr/bin/python3.11", .comm = "python3"}));
  lines.back().who = Who({.exe = "/usr/bin/python3.11", .comm = "python3"}, kShell, {"python3", "backup.py"});
  lines.push_back(Connect(1004, {.exe = "/usr/bin/curl", .comm = "curl"}));
  lines.back().home = Home("/system.slice/docker-" + std::string(64, 'a') + ".scope");
  lines.back().reasons = {"untrusted_code"};
  Entry taint = Connect(1005, {.exe = "/usr/bin/payments", .comm = "payments"});
  taint.action = "taint";
  taint.outcome = taint.verdict = "";
  taint.reasons = {"exec_after_connect"};
  taint.violation = true;
  lines.push_back(taint);
  Entry refused = taint;
  refused.action = "refused";
  refused.outcome = "failure";
  refused.reasons = {"send"};
  lines.push_back(refused);
  lines.push_back({.action = "impostor_listener", .outcome = "failure", .wall_ns = kMorning, .guard = "docker", .pid = 1006,
                   .uid = 33, .path = "/tmp/fake", .violation = true, .message = "pid 1006 runs /tmp/fake, not /usr/bin/dockerd"});
  Entry hostile = Connect(1007, {.exe = "/tmp/\x1b[2J\n\xff\xe2\x80\xae", .script = "", .comm = "\x1b]0;root\x07"});
  hostile.user = "";
  lines.push_back(hostile);
  Entry unknown = Connect(1008, {});
  unknown.comm = "gone";
  unknown.who = Who({.comm = "gone"});
  lines.push_back(unknown);
  Entry port = Connect(1009, {.exe = "/usr/bin/curl", .comm = "curl"});
  port.guard = "tcp-8081";
  port.socket = "8081";
  port.source = {"127.0.0.1", 40000};
  port.destination = {"127.0.0.1", 8081};
  port.served_by = {{700, "/usr/sbin/nginx"}};
  lines.push_back(port);
  Entry remote{.action = "connect", .outcome = "success", .wall_ns = kMorning, .guard = "tcp-8081", .socket = "8081",
               .message = "from elsewhere, its process is not seen", .mode = "observe", .cookie = 1010};
  remote.source = {"2001:db8::2", 40001};
  remote.destination = {"2001:db8::1", 8081};
  lines.push_back(remote);
  lines.push_back({.action = "lost", .outcome = "failure", .wall_ns = kMorning, .message = "the ring was full: the record exists, the line does not",
                   .kernel_program = "connect_ready", .count = 1204});
  lines.push_back({.action = "dropped", .outcome = "failure", .wall_ns = kMorning, .message = "the reader was too slow", .count = 1, .connects = 1});
  for (Entry& line : lines) line = *effect::FromJson(effect::ToJson(line));
  return lines;
}

std::string Shown(const AuditLines& layout) {
  std::string text = layout.Header();
  for (const Entry& line : Morning()) text += layout.Line(line);
  return text;
}

class AuditText : public testing::Test {
 protected:
  void SetUp() override {
    setenv("TZ", "UTC", 1);
    tzset();
  }
};

TEST_F(AuditText, AsGolden) {
  ExpectGolden("audit.txt", Shown(AuditLines({.width = 100}, false, false)));
  ExpectGolden("audit_80.txt", Shown(AuditLines({.width = 80}, true, false)));
  ExpectGolden("audit_132.txt", Shown(AuditLines({.width = 132}, true, false)));
  ExpectGolden("audit_colours.txt", Shown(AuditLines({.width = 132, .colours = true}, true, false)));
  ExpectGolden("audit_tree.txt", Shown(AuditLines({.width = 100}, true, true)));
  std::string json;
  for (const Entry& line : Morning()) json += effect::ToJson(line) + "\n";
  ExpectGolden("audit.json", json);
}

TEST_F(AuditText, LinesFitTheTerminal) {
  for (const size_t width : {40, 60, 80, 100, 132, 200}) {
    for (const bool tree : {false, true}) {
      const AuditLines layout({.width = width}, true, tree);
      for (const Entry& line : Morning()) {
        if (line.action == "lost" || line.action == "dropped") continue;  // a sentence, which the terminal wraps
        const std::string text = layout.Line(line);
        for (size_t from = 0, end; (end = text.find('\n', from)) != std::string::npos; from = end + 1)
          EXPECT_LE(Columns(text.substr(from, end - from)), width) << text;
      }
    }
  }
}

TEST_F(AuditText, HostileBytesStayVisibleAndHarmless) {
  const std::string text = Shown(AuditLines({.width = 200}, false, false));
  EXPECT_THAT(text, HasSubstr("/tmp/\\x1b[2J\\x0a\\xff\\xe2\\x80\\xae"));
  EXPECT_TRUE(kit::IsValidUtf8(text));
  for (const char c : text) EXPECT_TRUE(c == '\n' || static_cast<unsigned char>(c) >= 0x20) << static_cast<int>(c);
}

TEST_F(AuditText, Summary) {
  AuditSummary summary;
  for (const Entry& line : Morning()) summary.Add(line);
  summary.Add(Morning()[1]);
  ExpectGolden("audit_summary.txt", summary.Table({.width = 120}) + summary.Totals() + "\n");
  EXPECT_EQ(AuditSummary().Table({}), "");
  EXPECT_EQ(AuditSummary().Totals(), "0 connects, 0 violations, nothing lost");
}

TEST_F(AuditText, TheSummaryIsBounded) {
  AuditSummary summary;
  for (uint32_t pid = 0; pid < 5000; ++pid) summary.Add(Connect(pid, {.exe = "/tmp/x" + std::to_string(pid)}));
  EXPECT_THAT(summary.Table({}), HasSubstr("4,980"));
  EXPECT_THAT(summary.Totals(), HasSubstr("5,000 connects"));
}

TEST(AuditFilter, EachAsksAndOneOfAListIsEnough) {
  Entry entry = Connect(5, {.exe = "/usr/bin/dash", .script = "/opt/deploy.sh"});
  entry.reasons = {"untrusted_code"};
  const auto wants = [&](AuditFilter filter) { return filter.Wants(entry); };
  EXPECT_TRUE(wants({}));
  EXPECT_TRUE(wants({.guards = {"x", "dock*"}}));
  EXPECT_FALSE(wants({.guards = {"x"}}));
  EXPECT_TRUE(wants({.users = {"ann"}}));
  EXPECT_TRUE(wants({.users = {"1000"}}));
  EXPECT_FALSE(wants({.users = {"root"}}));
  EXPECT_TRUE(wants({.exes = {"/opt/*"}}));
  EXPECT_TRUE(wants({.exes = {"/usr/bin/dash"}}));
  EXPECT_TRUE(wants({.units = {"session-*"}}));
  EXPECT_FALSE(wants({.units = {"ssh.service"}}));
  EXPECT_TRUE(wants({.verdicts = {"sound"}}));
  EXPECT_TRUE(wants({.verdicts = {"untrusted_*"}}));
  EXPECT_FALSE(wants({.users = {"ann"}, .verdicts = {"withheld"}}));
  EXPECT_FALSE(wants({.only_violations = true}));
  entry.violation = true;
  EXPECT_TRUE(wants({.only_violations = true}));
  entry = {.action = "dropped", .count = 3};
  EXPECT_TRUE(wants({.guards = {"x"}, .only_violations = true})) << "what is missing is always said";
}

TEST(AuditGuards, AreNamedAfterTheirSockets) {
  AuditOptions options;
  options.sockets = {"/run/docker.sock", "/srv/docker.sock", "/run/docker.sock", "/run/x y\n.sock", "/run/a/../b.sock"};
  const auto config = AuditGuards(options);
  ASSERT_TRUE(config.ok()) << config.status();
  std::vector<std::string> names;
  for (const engine::GuardConfig& guard : config->guards) names.push_back(guard.policy.name);
  EXPECT_THAT(names, ElementsAre("docker", "docker-2", "x_y_", "b"));
  EXPECT_EQ(config->guards[3].sockets[0].path, "/run/b.sock");
  EXPECT_FALSE(config->pin);
}

TEST(AuditGuards, AreNamedAfterTheirPorts) {
  AuditOptions options;
  options.sockets = {"/run/tcp-80.sock"};
  options.ports = {"80", "127.0.0.1:80", "[::1]:80", "[::ffff:127.0.0.1]:80"};
  const auto config = AuditGuards(options);
  ASSERT_TRUE(config.ok()) << config.status();
  std::vector<std::string> names, ports;
  for (const engine::GuardConfig& guard : config->guards) {
    names.push_back(guard.policy.name);
    ports.push_back(guard.sockets[0].path);
  }
  EXPECT_THAT(names, ElementsAre("tcp-80", "tcp-80-2", "tcp-127.0.0.1_80", "tcp-___1__80"));
  EXPECT_THAT(ports, ElementsAre("/run/tcp-80.sock", "80", "127.0.0.1:80", "[::1]:80"));
  options.ports = {"http"};
  EXPECT_THAT(AuditGuards(options).status().message(), ::testing::HasSubstr("http is no TCP port; name one as 8081"));
}

// A pipe that the test reads when it likes.
class OutletTest : public testing::Test {
 protected:
  void SetUp() override {
    int ends[2];
    ASSERT_EQ(pipe2(ends, O_CLOEXEC), 0);
    reader_ = kit::OwnedFd(ends[0]);
    writer_ = kit::OwnedFd(ends[1]);
    signal(SIGPIPE, SIG_IGN);
  }
  std::unique_ptr<Outlet> Open(size_t room) {
    return std::make_unique<Outlet>(Outlet::Options{.fd = writer_.get(),
                                                    .room = room,
                                                    .prelude = "begin\n",
                                                    .render = [](const OutletLine& line) { return line.entry->message + "\n"; },
                                                    .closed = [this] { told_ = true; }});
  }
  static OutletLine Line(const std::string& text) { return {std::make_shared<Entry>(Entry{.message = text}), ""}; }
  std::string ReadAll() {
    writer_.Reset();
    std::string all(1 << 22, '\0');
    size_t size = 0;
    for (ssize_t got; (got = read(reader_.get(), all.data() + size, all.size() - size)) > 0;) size += static_cast<size_t>(got);
    all.resize(size);
    return all;
  }
  kit::OwnedFd reader_, writer_;
  std::atomic<bool> told_ = false;
};

TEST_F(OutletTest, WritesWhatItTakesInOrder) {
  auto outlet = Open(100);
  for (const char* text : {"a", "b", "c"}) EXPECT_TRUE(outlet->Offer(Line(text), kit::Urgency::kOrdinary));
  EXPECT_EQ(outlet->Finish(std::chrono::seconds(60)), 0u);
  EXPECT_EQ(ReadAll(), "begin\na\nb\nc\n");
}

// Nobody reads: Offer says no and returns at once; what is urgent finds room; what was not written is counted.
TEST_F(OutletTest, AFullOneTakesNothingAndCountsTheRest) {
  auto outlet = Open(1000);
  const std::string text(8000, 'x');
  size_t taken = 0;
  while (outlet->Offer(Line(text), kit::Urgency::kOrdinary)) ASSERT_LT(++taken, 100000u);
  EXPECT_FALSE(outlet->Offer(Line(text), kit::Urgency::kOfLosses));
  EXPECT_TRUE(outlet->Offer(Line(text), kit::Urgency::kUrgent));
  const uint64_t lost = outlet->Finish(std::chrono::milliseconds(0));
  const std::string read = ReadAll();
  EXPECT_EQ(static_cast<uint64_t>(std::count(read.begin(), read.end(), '\n')) - 1 + lost, taken + 1);
  EXPECT_GT(lost, 800u);
}

TEST_F(OutletTest, AReaderThatLeavesEndsIt) {
  auto outlet = Open(10);
  reader_.Reset();
  outlet->Offer(Line("a"), kit::Urgency::kOrdinary);
  outlet->AwaitRoom();
  outlet->Finish(std::chrono::seconds(60));
  EXPECT_TRUE(told_);
  EXPECT_TRUE(outlet->closed());
  EXPECT_TRUE(outlet->status().ok()) << "that is no error";
}

TEST_F(OutletTest, AFullDiskIsAnError) {
  const kit::OwnedFd full(open("/dev/full", O_WRONLY | O_CLOEXEC));
  if (!full) GTEST_SKIP() << "missing: /dev/full";
  Outlet outlet({.fd = full.get(), .prelude = "x", .render = [](const OutletLine&) { return ""; }, .closed = nullptr});
  outlet.Finish(std::chrono::seconds(60));
  EXPECT_TRUE(outlet.closed());
  EXPECT_THAT(std::string(outlet.status().message()), HasSubstr("No space left"));
}

}  // namespace
}  // namespace belfry::cli
