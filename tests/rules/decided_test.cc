// What the kernel part decides by a guard's rules, what it leaves to userspace, and what it refuses.
#include <linux/sched.h>
#include <sys/syscall.h>

#include <atomic>
#include <set>
#include <thread>

#include "rules/judged.h"

namespace belfry::rules {
namespace {

using verdict::Field;
using verdict::Mode;
using verdict::RuleFrom;

constexpr uint32_t kAlice = 1000, kBob = 65534;

std::string Text(uint32_t number) { return std::to_string(number); }
verdict::Rule OfAlice(std::optional<Mode> mode = {}) { return RuleFrom({{Field::kUid, Text(kAlice)}}, {}, mode); }

class RulesDecided : public Judged {
 protected:
  verdict::Rule OfFile(const std::string& path) { return RuleFrom({{Field::kExe, path}}); }
  // Everything of `folder_`, and nothing that another guard has.
  void OneGuard(std::vector<verdict::Rule> rules, Mode mode = Mode::kObserve) {
    std::vector<std::vector<verdict::Rule>> one;
    one.push_back(std::move(rules));
    Guards(std::move(one));
    if (HasFatalFailure()) return;
    TheGuard().mode = mode;
    GiveOrders();
  }
  void NeedsRefusal() {
    if (!kernel_->RefusesUse()) GTEST_SKIP() << "missing: a backend that refuses (bpf_lsm or fmod_ret), not " << kernel_->BackendName();
  }
  // 0 or EACCES.
  int Ask(uint32_t uid) {
    kernel::Actor client([&](const kernel::Actor::Stage& stage) {
      if (setresuid(uid, uid, uid) != 0) _exit(95);
      stage.Say(ConnectFd(socket(AF_UNIX, SOCK_STREAM, 0), folder_ + "/0"));
    });
    asked_ = client.pid();
    const int said = client.Hear();
    client.Wait();
    return said;
  }
  std::vector<belfry_event_connect> Barred() { return Drain<belfry_event_connect>(BELFRY_KIND_BARRED); }

  pid_t asked_ = 0;
};

TEST_F(RulesDecided, AFileThatTookAPathSinceIsLookedAtAgain) {
  const std::string path = Copy("upgraded", 0);
  LookAt({path});
  OneGuard({OfFile(path)});
  EXPECT_EQ(RuleFor({}, path), 0u);
  // As a package manager does it; the old one still runs somewhere.
  std::filesystem::rename(Copy("upgraded.new", 0), path);
  EXPECT_EQ(RuleFor({}, path), BELFRY_RULE_LATE);
  std::filesystem::create_hard_link(path, folder_ + "/by-another-name");
  EXPECT_EQ(RuleFor({}, folder_ + "/by-another-name"), BELFRY_RULE_LATE) << "root's, and new";
  ASSERT_TRUE(files_->Look());
  GiveOrders();
  EXPECT_EQ(RuleFor({}, path), 0u);
}

TEST_F(RulesDecided, APathThatLeadsElsewhereNowIsKnownByItsName) {
  std::filesystem::create_directory(folder_ + "/v1");
  std::filesystem::create_directory(folder_ + "/v2");
  Copy("v1/service", kNotRoot);
  Copy("v2/service", kNotRoot);
  std::filesystem::create_directory_symlink("v1", folder_ + "/current");
  const std::string path = folder_ + "/current/service";
  LookAt({path});
  OneGuard({OfFile(path)});
  EXPECT_EQ(RuleFor({}, path), 0u);
  EXPECT_EQ(RuleFor({}, folder_ + "/v2/service"), BELFRY_RULE_NONE);
  std::filesystem::remove(folder_ + "/current");
  std::filesystem::create_directory_symlink("v2", folder_ + "/current");
  EXPECT_EQ(RuleFor({}, path), BELFRY_RULE_LATE);
}

// A user's own file is refused for good, however new.
TEST_F(RulesDecided, WhatOthersThanRootMadeIsNoNews) {
  OneGuard({OfFile(copies_[0])});
  EXPECT_EQ(RuleFor({}, Copy("mine", kAlice)), BELFRY_RULE_NONE);
}

// Who serves a filesystem says whose its files are and how old: it has to be where some rule's file is.
TEST_F(RulesDecided, WhatAnotherFilesystemSaysOfItsFilesIsNoNews) {
  OneGuard({OfFile(copies_[0])});
  std::filesystem::create_directory(folder_ + "/other");
  ASSERT_EQ(mount("none", (folder_ + "/other").c_str(), "tmpfs", 0, nullptr), 0);
  EXPECT_EQ(RuleFor({}, Copy("other/claims-to-be-roots", 0)), BELFRY_RULE_NONE);
  EXPECT_EQ(RuleFor({}, Copy("roots", 0)), BELFRY_RULE_LATE);
  umount2((folder_ + "/other").c_str(), MNT_DETACH);
}

TEST_F(RulesDecided, WhoeverWasExecutedBeforeAnUpgradeIsUserspacesToSay) {
  const std::string path = Copy("replaced", kNotRoot);
  LookAt({path});
  std::filesystem::rename(path, folder_ + "/kept");
  Copy("replaced", kNotRoot);
  ASSERT_TRUE(files_->Look());
  OneGuard({OfFile(path)});
  EXPECT_EQ(RuleFor({}, folder_ + "/kept"), BELFRY_RULE_LATE);
  EXPECT_EQ(RuleFor({}, path), 0u);
}

TEST_F(RulesDecided, APathThatNobodyHasLookedAtIsUserspacesToSay) {
  OneGuard({OfFile(folder_ + "/never-looked-at"), OfFile(copies_[0])});
  EXPECT_EQ(RuleFor({.exe = 0}), BELFRY_RULE_LATE);
}

TEST_F(RulesDecided, MoreGroupsThanItLooksAtAreUserspacesToSay) {
  OneGuard({RuleFrom({{Field::kGid, "1"}})});
  EXPECT_EQ(RuleFor({.gid = 7, .groups = std::vector<uint32_t>(64, 1)}), 0u);
  EXPECT_EQ(RuleFor({.gid = 7, .groups = std::vector<uint32_t>(65, 2)}), BELFRY_RULE_LATE);
  EXPECT_EQ(RuleFor({.gid = 7, .groups = std::vector<uint32_t>(64, 2)}), BELFRY_RULE_NONE);
}

// This process was there before the programs: nobody knows what it executed.
TEST_F(RulesDecided, AnExecThatWasNotSeenMeetsNoConditionAndNoNotEither) {
  const std::string own = std::filesystem::read_symlink("/proc/self/exe");
  LookAt({own, copies_[0]});
  OneGuard({OfFile(own), RuleFrom({{Field::kUid, "0"}}, {{Field::kExe, copies_[0]}})});
  kernel::Actor child([&](const kernel::Actor::Stage& stage) { stage.Say(ConnectFd(socket(AF_UNIX, SOCK_STREAM, 0), folder_ + "/0")); });
  ASSERT_EQ(child.Hear(), 0);
  EXPECT_EQ(FoundOf(child.pid()).at(0).rule, BELFRY_RULE_NONE);
}

// As when the map of processes is full: nobody gets through a port's rules by seeing to that.
class RulesWithoutProcesses : public RulesDecided {
 protected:
  void SetUp() override {
    setenv("BELFRY_TEST_LEAVE_OUT", "process_exec,process_fork,held_exec,held_fork", 1);
    RulesDecided::SetUp();
    unsetenv("BELFRY_TEST_LEAVE_OUT");
  }
};
TEST_F(RulesWithoutProcesses, WhoHasNoRecordOfHisExecMeetsNoConditionEither) {
  OneGuard({OfFile(copies_[0]), RuleFrom({}, {{Field::kExe, copies_[1]}})});
  EXPECT_EQ(RuleFor({.exe = 0}), BELFRY_RULE_NONE);
}

TEST_F(RulesDecided, WhoeverCalledListenIsNotJudged) {
  OneGuard({OfAlice()}, Mode::kDeny);
  ASSERT_EQ(ConnectFd(socket(AF_UNIX, SOCK_STREAM, 0), folder_ + "/0"), 0);
  EXPECT_EQ(FoundOf(getpid()).at(0).rule, BELFRY_RULE_LATE);
}

// The kernel part knew the listener by its number; whoever made it has ended, and the number came to a stranger.
TEST_F(RulesDecided, WhoeverTookTheNumberOfOneThatCalledListenIsJudged) {
  OneGuard({OfAlice()}, Mode::kWarn);
  kernel::Actor first([&](const kernel::Actor::Stage&) {
    if (listen(listeners_[0].get(), 1024) != 0) _exit(96);
  });
  pid_t number = first.pid();
  ASSERT_EQ(first.Wait(), 0);
  clone_args args = {};
  args.exit_signal = SIGCHLD;
  args.set_tid = reinterpret_cast<uint64_t>(&number);
  args.set_tid_size = 1;
  const pid_t stranger = static_cast<pid_t>(syscall(SYS_clone3, &args, sizeof args));
  if (stranger == 0) _exit(ConnectFd(socket(AF_UNIX, SOCK_STREAM, 0), folder_ + "/0"));
  ASSERT_EQ(stranger, number) << strerror(errno);
  int status = 0;
  waitpid(stranger, &status, 0);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(FoundOf(stranger).at(0).rule, BELFRY_RULE_NONE);
}

TEST_F(RulesDecided, WhoeverServesIsNotJudgedEither) {
  OneGuard({OfAlice()}, Mode::kDeny);
  kernel::Actor server([&](const kernel::Actor::Stage& stage) {
    stage.Reach();
    stage.Say(ConnectFd(socket(AF_UNIX, SOCK_STREAM, 0), folder_ + "/0"));
  });
  ASSERT_TRUE(server.AwaitReach());
  const auto live = kernel_->Live(static_cast<uint32_t>(server.pid()));
  ASSERT_TRUE(live.ok());
  const kernel::GuardServer one{.guard = 0, .server = live->pin};
  ASSERT_TRUE(kernel_->SetServers({&one, 1}).ok());
  server.Continue();
  EXPECT_EQ(server.Hear(), 0);
}

TEST_F(RulesDecided, WhomNoRuleFitsIsRefusedBeforeTheListenerIsWoken) {
  OneGuard({OfAlice()}, Mode::kDeny);
  NeedsRefusal();
  if (IsSkipped()) return;
  EXPECT_EQ(Ask(kAlice), 0);
  EXPECT_EQ(Ask(kBob), EACCES);
  const auto barred = Barred();
  ASSERT_EQ(barred.size(), 1u);
  EXPECT_EQ(barred[0].connection.opener.tgid, static_cast<uint32_t>(asked_));
  EXPECT_EQ(barred[0].connection.creds.euid, kBob);
  EXPECT_EQ(barred[0].connection.rule, BELFRY_RULE_NONE);
  EXPECT_EQ(barred[0].connection.policy, TheGuard().compiled->number);
  EXPECT_EQ(AcceptAll(), 1);
  EXPECT_TRUE(ConnectionsOf(static_cast<uint32_t>(asked_)).empty());
  const auto counters = CountersOf("rules");
  EXPECT_EQ(counters.seen, 2u);
  EXPECT_EQ(counters.sent, 1u);
  EXPECT_EQ(counters.refused, 1u);
}

// Of a rule that denies in a guard that warns, the rule's word holds; where the guard observes, nobody's does.
TEST_F(RulesDecided, ARulesOwnModeGoesBeforeItsGuards) {
  OneGuard({OfAlice(Mode::kDeny), RuleFrom({{Field::kUid, Text(kBob)}}, {}, Mode::kWarn)}, Mode::kWarn);
  NeedsRefusal();
  if (IsSkipped()) return;
  EXPECT_EQ(Ask(kAlice), EACCES);
  EXPECT_EQ(Ask(kBob), 0);
  EXPECT_EQ(Ask(1), 0) << "no rule fits, and the guard only warns";
  TheGuard().mode = Mode::kObserve;
  GiveOrders();
  EXPECT_EQ(Ask(kAlice), 0);
  TheGuard().mode = Mode::kDeny;
  GiveOrders();
  EXPECT_EQ(Ask(kAlice), EACCES);
  EXPECT_EQ(Ask(kBob), 0) << "a rule that warns refuses nobody";
  EXPECT_EQ(Ask(1), EACCES);
}

TEST_F(RulesDecided, WhatIsLateIsNeverRefused) {
  OneGuard({RuleFrom({{Field::kUnit, "a.service"}}, {}, Mode::kDeny), OfAlice()}, Mode::kDeny);
  EXPECT_EQ(Ask(kBob), 0);
}

// The off switch writes the guard's mode alone; the policy still says deny.
TEST_F(RulesDecided, AGuardThatObservesRefusesNobodyWhateverItsPolicySays) {
  OneGuard({OfAlice()}, Mode::kDeny);
  std::vector<kernel::GuardOrders> orders = engine::OrdersOf(guards_, *files_);
  orders[0].orders.mode = BELFRY_MODE_OBSERVE;
  ASSERT_TRUE(kernel_->SetOrders(orders).ok());
  EXPECT_EQ(Ask(kBob), 0);
}

TEST_F(RulesDecided, ADaemonThatIsSilentForLongerThanItsGuardHoldsRefusesNobody) {
  OneGuard({OfAlice()}, Mode::kDeny);
  NeedsRefusal();
  if (IsSkipped()) return;
  std::vector<kernel::GuardOrders> orders = engine::OrdersOf(guards_, *files_);
  orders[0].orders.loss_ns = 1;
  ASSERT_TRUE(kernel_->SetOrders(orders).ok());
  EXPECT_EQ(Ask(kBob), 0);
  orders[0].orders.loss_ns = 3600ull * 1'000'000'000;
  ASSERT_TRUE(kernel_->SetOrders(orders).ok());
  EXPECT_EQ(Ask(kBob), EACCES);
}

// Two policies that agree on nothing, changed while others connect: each verdict is of the one or of the other as a whole.
TEST_F(RulesDecided, AReloadMixesNothing) {
  OneGuard({OfAlice(), RuleFrom({{Field::kUid, Text(kBob)}})});
  const auto other = std::make_shared<verdict::Rules>(std::vector<verdict::Rule>{RuleFrom({{Field::kUid, Text(kBob)}}), OfAlice()});
  std::shared_ptr<const verdict::Rules> rules[] = {TheGuard().config.rules, other};
  std::map<uint64_t, size_t> numbers = {{TheGuard().compiled->number, 0}};
  std::atomic<bool> done = false;
  // Its socket is closed before the next: the listener's queue holds them all.
  std::thread clients([&] {
    for (int round = 0; round < 40; ++round) {
      kernel::Actor client([&](const kernel::Actor::Stage& stage) {
        if (setresuid(kAlice, kAlice, kAlice) != 0) _exit(95);
        int failed = 0;
        for (int i = 0; i < 50; ++i) {
          const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
          failed += ConnectFd(fd, folder_ + "/0") != 0;
          close(fd);
        }
        stage.Say(failed);
      });
      EXPECT_EQ(client.Hear(), 0);
    }
    done = true;
  });
  size_t judged = 0, late = 0, reloads = 0;
  std::set<uint64_t> met;
  const auto compare = [&] {
    for (const auto& event : Drain<belfry_event_connect>(BELFRY_KIND_CONNECT)) {
      const belfry_connection& connection = event.connection;
      if (connection.rule == BELFRY_RULE_LATE) {
        ++late;
        continue;
      }
      ASSERT_TRUE(numbers.contains(connection.policy));
      ASSERT_EQ(connection.rule, numbers[connection.policy]);
      met.insert(connection.policy);
      ++judged;
    }
  };
  while (!done) {
    TheGuard().config.rules = rules[++reloads % 2];
    GiveOrders();
    numbers[TheGuard().compiled->number] = reloads % 2;
    AcceptAll();
    compare();
  }
  clients.join();
  compare();
  EXPECT_EQ(judged + late, 2000u);
  EXPECT_GT(met.size(), 2u) << "else nothing was changed under them";
  EXPECT_LT(late, judged) << late << " met a policy that was just replaced";
}

}  // namespace
}  // namespace belfry::rules
