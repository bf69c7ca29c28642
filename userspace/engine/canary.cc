#include "engine/canary.h"

#include <signal.h>
#include <spawn.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "belfry/limit.h"
#include "engine/debugger.h"
#include "engine/guard_numbers.h"
#include "engine/own_port.h"
#include "engine/stranger.h"
#include "host/machine.h"
#include "kit/clock.h"
#include "kit/error.h"
#include "verdict/soundness.h"

namespace belfry::engine {
namespace {

constexpr std::chrono::seconds kChildPatience{5};

// What each program must have done by the end.
struct Expectation {
  const char* program;  // or what its name begins with, where the backend ends it
  const char* capability;
  bool refuses = false;  // it must have said no, not only have run
  bool tampers = false;  // there is nothing to see where nobody may trace
};
constexpr Expectation kExpectations[] = {
    {"process_exec", "exec seen"},
    {"process_fork", "fork seen"},
    {"process_exit", "exit seen"},
    {"held_exec", "exec seen on a busy CPU"},
    {"held_fork", "fork seen on a busy CPU"},
    {"held_exit", "exit seen on a busy CPU"},
    {"connect_intent", "connect seen"},
    {"connect_ready", "connect confirmed"},
    {"connect_peercred", "SO_PEERCRED seen"},
    {"pin_", "connect pinned"},
    {"peercred_", "SO_PEERCRED seen"},
    {"send_page", "splice to it seen"},
    {"send_", "foreign send refused", true},
    {"receive_", "foreign receive refused", true},
    {"transfer_", "transfer refused", true},
    {"shutdown_", "foreign shutdown refused", true},
    {"setsockopt_", "foreign setsockopt refused", true},
    {"ioctl_compat_", "foreign 32-bit ioctl refused", true},
    {"ioctl_", "foreign ioctl refused", true},
    {"splice_read", "splice seen"},
    {"file_", "foreign splice refused", true},
    {"tcp_state", "TCP connect seen"},
    {"socket_gone", "freed sockets forgotten"},
    {.program = "traceme", .capability = "being traced by a parent seen", .tampers = true},
    {.program = "trace", .capability = "ptrace attach seen", .tampers = true},
    {.program = "write_mem", .capability = "write to /proc/PID/mem seen", .tampers = true},
    {.program = "held_traceme", .capability = "being traced by a parent seen on a busy CPU", .tampers = true},
    {.program = "held_trace", .capability = "ptrace attach seen on a busy CPU", .tampers = true},
    {.program = "held_write_mem", .capability = "write to /proc/PID/mem seen on a busy CPU", .tampers = true},
    {.program = "held_write_vm", .capability = "process_vm_writev seen on a busy CPU", .tampers = true},
    {.program = "write_remote", .capability = "process_vm_writev seen", .tampers = true},
};

const Expectation* ExpectationOf(const std::string& program) {
  for (const Expectation& one : kExpectations)
    if (program.starts_with(one.program)) return &one;
  return nullptr;
}

sockaddr_un AddressOf(const std::string& path) {
  sockaddr_un address{.sun_family = AF_UNIX};
  memcpy(address.sun_path, path.data(), std::min(path.size(), sizeof address.sun_path - 1));
  return address;
}

}  // namespace

Canary::Canary(Loop& loop, kernel::Kernel& kernel, const std::string& run_dir, Means means)
    : loop_(loop), kernel_(kernel), path_(run_dir + "/canary.sock"), means_(std::move(means)) {}

Canary::~Canary() {
  loop_.Cancel(deadline_);
  if (child_fd_) loop_.Unwatch(child_fd_.get());
  if (child_ > 0) {
    kill(child_, SIGKILL);
    waitpid(child_, nullptr, 0);
  }
  if (listener_) unlink(path_.c_str());
}

absl::Status Canary::Bind() {
  const sockaddr_un address = AddressOf(path_);
  unlink(path_.c_str());
  kit::OwnedFd listener(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  // Nobody can connect before listen: the mode is final by then.
  if (!listener || bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      chmod(path_.c_str(), 0600) != 0 || listen(listener.get(), 8) != 0)
    return kit::ErrnoError("binding the canary's socket " + path_);
  listener_ = std::move(listener);
  return absl::OkStatus();
}

kernel::GuardOrders Canary::orders() const {
  kernel::GuardOrders orders{.guard = kCanaryGuard};
  orders.orders.mode = BELFRY_MODE_DENY;
  orders.orders.withhold = verdict::WithholdingBits({});
  orders.orders.limit = limit_;
  orders.rules = rules_;
  orders.orders.policy = rules_ == nullptr ? 0 : rules_->number;
  return orders;
}

Canary::Counts Canary::Count() {
  Counts counts;
  for (kernel::ProgramCounters& program : kernel_.Counters()) counts.emplace(program.name, program);
  return counts;
}

void Canary::Run(std::function<void(const std::vector<CanaryResult>&)> done) {
  waiting_.push_back(std::move(done));
  if (waiting_.size() > 1) return;
  running_.clear();
  before_ = Count();
  Connect();
  ConnectToPort();
  Tamper();
  Spawn();
}

void Canary::Expect(const std::string& capability, bool ok, const std::string& detail) {
  running_.push_back({capability, ok, detail});
}

void Canary::Connect() {
  const sockaddr_un address = AddressOf(path_);
  const kit::OwnedFd client(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (connect(client.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    return Expect("connect recorded", false, absl::StrCat("connecting to itself: ", strerror(errno)));
  const kit::OwnedFd server(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  ucred peer{};
  socklen_t size = sizeof peer;
  if (getsockopt(server.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0)
    return Expect("connect recorded", false, absl::StrCat("SO_PEERCRED: ", strerror(errno)));
  const auto record = kernel_.Connection(Measure(client.get()));
  const auto self = kernel_.Live(static_cast<uint32_t>(peer.pid));
  const bool right = record && self.ok() && record->guard == kCanaryGuard && record->opener.tgid == self->pin.tgid &&
                     record->opener.start_ns == self->pin.start_ns && record->opener.exec_id == self->pin.exec_id &&
                     record->taints == 0;
  if (kernel_.RefusesUse()) LetStrangersTry(client.get());
  Expect("connect recorded", right,
         right ? "the record bears this process, its start and its exec id"
               : !record ? "no record of a connection to its own guarded socket" : "the record does not match this process");
}

void Canary::ConnectToPort() {
  if (!before_.contains("tcp_state")) return;
  const auto tried = ConnectToOwnPort(means_.guard_port, [this](bool nobody) { return Forbid(nobody); });
  if (!tried.ok()) return Expect("TCP connect tried", false, std::string(tried.status().message()));
  const auto expect = [this](const char* capability, const std::optional<int>& error, const char* program) {
    if (!error) return;
    Expect(capability, *error == EPERM,
           absl::StrCat(program, *error == EPERM ? " said no" : absl::StrCat(" did not say no: the connect ", *error == 0 ? "got through" : strerror(*error))));
  };
  expect("TCP connect against the rules refused", tried->ipv4, "port_connect4");
  expect("TCP connect by IPv6 against the rules refused", tried->ipv6, "port_connect6");
}

void Canary::LetStrangersTry(int client) {
  if (absl::Status s = TryEverything(client); !s.ok()) Expect("strangers refused", false, std::string(s.message()));
  const auto error = AnswerTheDead(listener_.get(), path_);
  Expect("answer to the dead refused", error.ok() && *error == EPIPE,
         !error.ok() ? std::string(error.status().message())
         : *error == 0 ? "the server could send to an opener that had exited"
                       : absl::StrCat("the server's send failed: ", strerror(*error)));
  GoOverTheLimit();
  ConnectAgainstTheRules();
}

// A limit of its own each time, which nobody is over yet, nor was under a daemon before this one: what it counted outlives
// it. One connect, and another after a minute.
void Canary::GoOverTheLimit() {
  const uint64_t minute_ns = 60 * kit::kSecondNs + kit::BootNs() % kit::kSecondNs;
  limit_ = {.interval_ns = minute_ns, .burst_ns = minute_ns, .per = BELFRY_PER_UID, .seal = 0};
  limit_.seal = belfry_seal(&limit_);
  absl::StatusOr<int> error = 0;
  if (absl::Status s = means_.give_orders(); s.ok())
    error = ConnectTwice(listener_.get(), path_);
  else
    error = s;
  limit_ = {};
  if (absl::Status s = means_.give_orders(); !s.ok()) error = s;
  Expect("connect over a limit refused", error.ok() && *error == EAGAIN,
         !error.ok() ? std::string(error.status().message())
                     : absl::StrCat("the second connect: ", *error == 0 ? "got through" : strerror(*error)));
}

// No rule at all: nobody may.
absl::Status Canary::Forbid(bool nobody) {
  rules_ = nullptr;
  if (nobody) {
    kernel::PolicyRules none{.number = kit::BootNs(), .policy = {}, .values = {}};
    none.policy.mode = BELFRY_MODE_DENY;
    rules_ = std::make_shared<const kernel::PolicyRules>(std::move(none));
  }
  return means_.give_orders();
}

void Canary::ConnectAgainstTheRules() {
  absl::Status given = Forbid(true);
  absl::StatusOr<int> error = given.ok() ? ConnectOnce(listener_.get(), path_) : given;
  if (given = Forbid(false); !given.ok()) error = given;
  Expect("connect against the rules refused", error.ok() && *error == EACCES,
         !error.ok() ? std::string(error.status().message())
                     : absl::StrCat("the connect: ", *error == 0 ? "got through" : strerror(*error)));
}

void Canary::Tamper() {
  tampered_ = before_.contains("trace") && !host::TracingIsOff();
  if (!tampered_) return;
  if (absl::Status s = TryTampering(); !s.ok()) Expect("tampering tried", false, std::string(s.message()));
}

// Our own end has one slot and nobody else's reference: what is more is the iterator's.
uint64_t Canary::Measure(int client) {
  uint64_t cookie = 0;
  socklen_t size = sizeof cookie;
  getsockopt(client, SOL_SOCKET, SO_COOKIE, &cookie, &size);
  const auto own = kernel_.Sockets(static_cast<uint32_t>(getpid()));
  if (!own.ok()) return cookie;
  for (const belfry_socket& slot : *own) {
    if (slot.end != BELFRY_END_CLIENT || slot.fd != static_cast<uint32_t>(client)) continue;
    if (slot.file_refs > 0) iterator_references_ = slot.file_refs - 1;
    cookie = slot.cookie;  // before 5.12 a number of the programs' own
  }
  return cookie;
}

void Canary::Spawn() {
  // The smallest program that is everywhere; that it fails is as good as that it succeeds.
  char name[] = "belfry-canary";
  char* const argv[] = {name, nullptr};
  char* const environment[] = {nullptr};
  const int error = posix_spawn(&child_, "/bin/true", nullptr, nullptr, argv, environment);
  if (error != 0) {
    child_ = 0;
    Expect("child started", false, absl::StrCat("starting /bin/true: ", strerror(error)));
    return Finish();
  }
  child_fd_ = kit::OwnedFd(static_cast<int>(syscall(SYS_pidfd_open, child_, 0)));
  if (!child_fd_ || !loop_.Watch(child_fd_.get(), EPOLLIN, [this](uint32_t) { ChildEnded(); }).ok()) {
    waitpid(child_, nullptr, 0);
    child_ = 0;
    return Finish();
  }
  deadline_ = loop_.After(kChildPatience, [this] { ChildEnded(); });
}

void Canary::ChildEnded() {
  loop_.Cancel(deadline_);
  loop_.Unwatch(child_fd_.get());
  child_fd_.Reset();
  kill(child_, SIGKILL);  // of use only when its time is up; it is our own child and not reaped yet
  waitpid(child_, nullptr, 0);
  child_ = 0;
  Finish();
}

void Canary::Finish() {
  for (const auto& [name, now] : Count()) {
    const Expectation* expectation = ExpectationOf(name);
    if (expectation == nullptr || (expectation->tampers && !tampered_)) continue;
    const auto was = before_.find(name);
    const kernel::ProgramCounters& then = was == before_.end() ? kernel::ProgramCounters{} : was->second;
    const bool ran = expectation->refuses ? now.refused > then.refused : now.seen > then.seen;
    Expect(expectation->capability, ran,
           absl::StrCat(name, expectation->refuses ? (ran ? " said no" : " did not say no") : (ran ? " ran" : " did not run")));
  }
  results_ = running_;
  for (const auto& done : std::exchange(waiting_, {})) done(results_);
}

}  // namespace belfry::engine
