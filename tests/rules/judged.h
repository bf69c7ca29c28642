// Guards with rules on the running kernel: each a socket of its own in one folder, clients that execute copies of one
// program in namespaces and with credentials as they are told, and what the kernel part found of each connect.
#ifndef BELFRY_TESTS_RULES_JUDGED_H_
#define BELFRY_TESTS_RULES_JUDGED_H_

#include <grp.h>
#include <sched.h>
#include <sys/resource.h>

#include <fstream>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/kernel_rules.h"
#include "engine/orders.h"
#include "host/process_files.h"
#include "kernel/live_kernel.h"
#include "verdict/policy.h"

namespace belfry::rules {

// Another namespace of each kind, to be entered.
struct Elsewhere {
  kit::OwnedFd net, mnt, user;
};

struct Person {
  size_t exe = 0;  // of Judged::copies_
  uint32_t uid = 0, gid = 0;
  std::vector<uint32_t> groups;
  bool other_net = false, other_mnt = false, other_user = false;
};

// Of one connect: the policy by which it was judged, and the rule or BELFRY_RULE_*.
struct Found {
  uint64_t policy = 0;
  uint32_t rule = 0;
};

class Judged : public kernel::LiveKernel {
 protected:
  static constexpr size_t kCopies = 4;

  void SetUp() override {
    LiveKernel::SetUp();
    if (HasFatalFailure() || IsSkipped()) return;
    const rlimit many = {8192, 8192};
    setrlimit(RLIMIT_NOFILE, &many);
    files_ = std::make_unique<engine::ExeFiles>(*kernel_);
    for (size_t i = 0; i < kCopies; ++i) copies_.push_back(Copy("copy" + std::to_string(i), kNotRoot));
    LookAt(copies_);
  }
  void TearDown() override {
    files_.reset();
    LiveKernel::TearDown();
  }

  // Root's files are looked at again while they are new; others' are not, and nothing here waits.
  static constexpr uint32_t kNotRoot = 12345;
  std::string Copy(const std::string& name, uint32_t owner) {
    const std::string path = folder_ + "/" + name;
    std::filesystem::copy_file(BELFRY_BUILD_DIR "/tests/rules/rules_client", path,
                               std::filesystem::copy_options::overwrite_existing);
    EXPECT_EQ(chmod(path.c_str(), 0755), 0);
    EXPECT_EQ(chown(path.c_str(), owner, owner), 0);
    return path;
  }

  void LookAt(const std::vector<std::string>& paths) {
    files_->Watch(paths);
    ASSERT_TRUE(files_->Look());
  }

  // A listening socket and a guard for each policy, in observe.
  void Guards(std::vector<std::vector<verdict::Rule>> policies) {
    std::vector<std::pair<uint32_t, std::string>> sockets;
    std::vector<engine::Guard> guards;
    for (size_t i = 0; i < policies.size(); ++i) {
      const std::string path = folder_ + "/" + std::to_string(i);
      listeners_.push_back(Listen(path));
      ASSERT_TRUE(listeners_.back()) << strerror(errno);
      fcntl(listeners_.back().get(), F_SETFL, O_NONBLOCK);
      sockets.emplace_back(static_cast<uint32_t>(i), path);
      engine::Guard guard{.number = static_cast<uint32_t>(i)};
      guard.config.rules = std::make_shared<verdict::Rules>(std::move(policies[i]));
      guards.push_back(std::move(guard));
    }
    Guard(sockets);
    guards_.Replace(std::move(guards));
    GiveOrders();
  }
  engine::Guard& TheGuard() { return *guards_.ByNumber(0); }
  void GiveOrders() {
    ASSERT_TRUE(kernel_->SetOrders(engine::OrdersOf(guards_, *files_)).ok());
    const auto own = host::NetworkNamespaceNow(getpid());
    ASSERT_TRUE(own.ok()) << own.status();
    ASSERT_TRUE(kernel_->SetRuleSettings({.files_ctime_ns = files_->looked_ctime_ns(), .host_netns = *own, .pad = 0}).ok());
  }

  // Connects once to each guard; the pid, once it has ended. 0: it could not.
  pid_t Visit(const Person& person, std::optional<std::string> exe = std::nullopt) {
    const std::string path = exe.value_or(copies_[person.exe]), count = std::to_string(listeners_.size());
    const pid_t child = fork();
    if (child == 0) {
      if (!Become(person)) _exit(90);
      execl(path.c_str(), path.c_str(), folder_.c_str(), count.c_str(), nullptr);
      _exit(91);
    }
    int status = 0;
    waitpid(child, &status, 0);
    EXPECT_EQ(status, 0) << "exit " << WEXITSTATUS(status);
    return status == 0 ? child : 0;
  }
  // What was found of its connects, by guard; the kernel's ring holds no more of them.
  std::map<uint32_t, Found> FoundOf(pid_t pid) {
    std::map<uint32_t, Found> found;
    for (const auto& event : Drain<belfry_event_connect>(BELFRY_KIND_CONNECT))
      if (event.connection.opener.tgid == static_cast<uint32_t>(pid))
        found[event.connection.guard] = {event.connection.policy, event.connection.rule};
    return found;
  }
  uint32_t RuleFor(const Person& person, std::optional<std::string> exe = std::nullopt) {
    const auto found = FoundOf(Visit(person, std::move(exe)));
    EXPECT_EQ(found.size(), 1u);
    return found.empty() ? 0xbad : found.begin()->second.rule;
  }
  int AcceptAll() {
    int accepted = 0;
    for (const kit::OwnedFd& listener : listeners_)
      while (kit::OwnedFd(accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC))) ++accepted;
    return accepted;
  }

  // Held by a child that lives no longer than the constructor of the descriptors.
  void MakeElsewhere() {
    kernel::Actor other([](const kernel::Actor::Stage& stage) {
      if (unshare(CLONE_NEWUSER) != 0) _exit(92);
      stage.Reach();
      stage.Reach();
    });
    ASSERT_TRUE(other.AwaitReach()) << "missing: user namespaces";
    const std::string proc = "/proc/" + std::to_string(other.pid());
    for (const char* map : {"/uid_map", "/gid_map"}) std::ofstream(proc + map) << "0 0 4294967295\n";
    elsewhere_.user = kit::OwnedFd(open((proc + "/ns/user").c_str(), O_RDONLY | O_CLOEXEC));
    // These two of the host's own user namespace: they differ in nothing else.
    kernel::Actor host([](const kernel::Actor::Stage& stage) {
      if (unshare(CLONE_NEWNET | CLONE_NEWNS) != 0) _exit(93);
      stage.Reach();
    });
    ASSERT_TRUE(host.AwaitReach()) << "missing: network and mount namespaces";
    const std::string namespaces = "/proc/" + std::to_string(host.pid()) + "/ns/";
    elsewhere_.net = kit::OwnedFd(open((namespaces + "net").c_str(), O_RDONLY | O_CLOEXEC));
    elsewhere_.mnt = kit::OwnedFd(open((namespaces + "mnt").c_str(), O_RDONLY | O_CLOEXEC));
    ASSERT_TRUE(elsewhere_.user && elsewhere_.net && elsewhere_.mnt) << strerror(errno);
  }

  bool Become(const Person& person) const {
    const std::vector<gid_t> groups(person.groups.begin(), person.groups.end());
    return (!person.other_net || setns(elsewhere_.net.get(), CLONE_NEWNET) == 0) &&
           (!person.other_mnt || setns(elsewhere_.mnt.get(), CLONE_NEWNS) == 0) &&
           setgroups(groups.size(), groups.data()) == 0 && setresgid(person.gid, person.gid, person.gid) == 0 &&
           (!person.other_user || setns(elsewhere_.user.get(), CLONE_NEWUSER) == 0) &&
           setresuid(person.uid, person.uid, person.uid) == 0;
  }

  Elsewhere elsewhere_;
  std::vector<std::string> copies_;
  std::vector<kit::OwnedFd> listeners_;
  std::unique_ptr<engine::ExeFiles> files_;
  engine::Guards guards_;
};

}  // namespace belfry::rules

#endif  // BELFRY_TESTS_RULES_JUDGED_H_
