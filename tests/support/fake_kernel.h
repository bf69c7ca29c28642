// A kernel::Kernel without a kernel: tests set what it would say, and read what it was told.
//
// Speaks real wire.h bytes. The ring's descriptor is a real eventfd, readable while records wait, so that an event loop
// works as with the real one. Not thread-safe, as the real one.
#ifndef BELFRY_SUPPORT_FAKE_KERNEL_H_
#define BELFRY_SUPPORT_FAKE_KERNEL_H_

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <deque>
#include <functional>
#include <iterator>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "belfry/wire.h"
#include "kernel/kernel.h"
#include "kit/owned_fd.h"

namespace belfry::support {

// ---- wire records with the few fields that a test cares about; everything else is zero ----

inline belfry_pin Pin(uint32_t tgid, uint64_t start_ns, uint64_t exec_id) {
  return {.start_ns = start_ns, .exec_id = exec_id, .tgid = tgid, .pad = 0};
}

inline belfry_file_id File(uint64_t ino, uint32_t dev = 1, uint32_t generation = 0) {
  return {.ino = ino, .ctime_ns = 1, .size = 1, .dev = dev, .generation = generation};
}

// A process that runs `exe`, seen at its exec, and its record.
inline belfry_live Live(const belfry_pin& pin, const belfry_file_id& exe) {
  belfry_live live{};
  live.pin = pin;
  live.exe = exe;
  live.threads = 1;
  return live;
}
inline belfry_process Process(const belfry_pin& pin, const belfry_file_id& image) {
  belfry_process process{};
  process.pin = pin;
  process.image = image;
  process.exec_ns = pin.start_ns;
  return process;
}
inline belfry_connection Connection(const belfry_pin& opener, const belfry_file_id& exe, uint32_t guard = 0) {
  belfry_connection connection{};
  connection.opener = opener;
  connection.exe = exe;
  connection.guard = guard;
  return connection;
}

template <size_t N>
void SetText(char (&to)[N], const std::string& text) {
  memset(to, 0, N);
  memcpy(to, text.data(), std::min(N, text.size()));
}

// Fills the header of any belfry_event_*.
template <typename Event>
Event WithHeader(Event event, belfry_kind kind, uint64_t time_ns) {
  event.header = {.time_ns = time_ns, .kind = static_cast<uint32_t>(kind), .size = sizeof(Event)};
  return event;
}

class FakeKernel : public kernel::Kernel {
 public:
  FakeKernel() : ring_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

  // ---- what the test says; read and changed directly ----
  std::map<uint32_t, belfry_process> processes;
  std::map<uint32_t, belfry_live> live;
  std::map<uint64_t, kernel::ConnectionEntry> connections;  // by cookie
  std::vector<belfry_socket> sockets;                       // every slot, of any holder
  std::map<int, belfry_described_file> described;           // by fd; any other is NotFound
  std::function<std::optional<belfry_described_file>(int fd)> describe;  // where that says nothing
  std::map<std::pair<uint32_t, int32_t>, uint32_t> translations;
  std::vector<kernel::ProgramCounters> counters;
  std::string backend = "cgroup";
  std::vector<std::string> steps_down;
  uint32_t blind_to = 0;
  bool refuses_use = false;
  absl::Status failing;               // not OK: every question that can fail answers this, but Live
  absl::Status failing_live;          // the same of Live
  std::function<void()> before_live;  // called at each Live(): a test changes the world between two looks

  std::function<void()> before_search;  // called at each HoldersOf()

  // ---- what it was told ----
  std::vector<kernel::GuardedName> guarded_names;
  std::vector<kernel::GuardedPort> guarded_ports;
  std::vector<belfry_address> own_addresses;
  std::vector<std::pair<uint64_t, uint32_t>> tainted;
  std::vector<uint64_t> forgotten;
  std::map<uint32_t, belfry_guard> orders;  // by guard number
  std::map<uint32_t, std::shared_ptr<const kernel::PolicyRules>> rules;  // likewise
  belfry_rule_settings rule_settings{};
  std::vector<kernel::GuardServer> servers;
  int signs_of_life = 0;
  int retired_others = 0;
  int walks = 0;    // Sockets(0): every table of every process
  int tables = 0;   // Sockets of one process
  int searches = 0; // HoldersOf
  int lists = 0;    // ConnectionsOf

  // The live process, its record and nothing else.
  void AddProcess(const belfry_pin& pin, const belfry_file_id& image) {
    live[pin.tgid] = support::Live(pin, image);
    processes[pin.tgid] = support::Process(pin, image);
  }
  void RemoveProcess(uint32_t tgid) {
    live.erase(tgid);
    processes.erase(tgid);
  }
  // A connection of a live process to `guard`, and its client's slot.
  void AddConnection(uint64_t cookie, const belfry_connection& record, uint32_t fd = 3) {
    connections[cookie] = {cookie, record, true};
    sockets.push_back(ClientSlot(cookie, record.opener, fd, record.guard));
  }
  static belfry_socket ClientSlot(uint64_t cookie, const belfry_pin& holder, uint32_t fd, uint32_t guard = 0) {
    belfry_socket slot{};
    slot.cookie = cookie;
    slot.holder_tgid = holder.tgid;
    slot.holder_start_ns = holder.start_ns;
    slot.fd = fd;
    slot.end = BELFRY_END_CLIENT;
    slot.guard = guard;
    return slot;
  }

  template <typename Event>
  void Emit(const Event& event) {
    EmitBytes({reinterpret_cast<const std::byte*>(&event), sizeof event});
  }
  void EmitBytes(std::span<const std::byte> bytes) {
    ring_records_.emplace_back(bytes.begin(), bytes.end());
    const uint64_t one = 1;
    if (write(ring_.get(), &one, sizeof one) != sizeof one) ring_records_.pop_back();
  }

  // ---- kernel::Kernel ----
  int RingFd() const override { return ring_.get(); }
  absl::Status Drain(const std::function<void(std::span<const std::byte>)>& sink) override {
    uint64_t count;
    if (read(ring_.get(), &count, sizeof count) < 0) count = 0;
    while (!ring_records_.empty()) {
      const std::vector<std::byte> record = std::move(ring_records_.front());
      ring_records_.pop_front();
      sink(record);
    }
    return failing;
  }
  std::optional<belfry_process> Process(uint32_t tgid) override { return Find(processes, tgid); }
  absl::StatusOr<belfry_live> Live(uint32_t tgid) override {
    if (before_live) before_live();
    if (!failing_live.ok()) return failing_live;
    if (const auto at = live.find(tgid); at != live.end()) return at->second;
    return absl::NotFoundError("no such process");
  }
  absl::StatusOr<std::vector<belfry_live>> AllLive() override {
    if (!failing.ok()) return failing;
    std::vector<belfry_live> out;
    for (const auto& [tgid, one] : live) out.push_back(one);
    return out;
  }
  std::optional<belfry_connection> Connection(uint64_t cookie) override {
    const auto found = Find(connections, cookie);
    return found ? std::optional(found->record) : std::nullopt;
  }
  std::optional<kernel::ConnectionEntry> Examine(uint64_t cookie) override { return Find(connections, cookie); }
  absl::StatusOr<std::vector<kernel::ConnectionEntry>> ConnectionsOf(uint32_t tgid) override {
    ++lists;
    return Where([&](const kernel::ConnectionEntry& c) { return c.record.opener.tgid == tgid; });
  }
  absl::StatusOr<std::vector<kernel::ConnectionEntry>> AllConnections() override {
    return Where([](const kernel::ConnectionEntry&) { return true; });
  }
  absl::StatusOr<std::vector<belfry_socket>> Sockets(uint32_t tgid) override {
    ++(tgid == 0 ? walks : tables);
    return SlotsWhere([&](const belfry_socket& s) { return tgid == 0 || s.holder_tgid == tgid; });
  }
  absl::StatusOr<std::vector<belfry_socket>> HoldersOf(std::span<const uint64_t> cookies) override {
    ++searches;
    if (before_search) before_search();
    return SlotsWhere([&](const belfry_socket& s) {
      return s.end == BELFRY_END_CLIENT && std::find(cookies.begin(), cookies.end(), s.cookie) != cookies.end();
    });
  }
  absl::StatusOr<belfry_described_file> Describe(int fd) override {
    if (!failing.ok()) return failing;
    auto found = Find(described, fd);
    if (!found && describe) found = describe(fd);
    if (!found) return absl::NotFoundError("describing a file: the test did not say what this descriptor is");
    return *found;
  }
  std::optional<uint32_t> Translate(uint32_t asker, int32_t pid) override {
    if (const auto found = Find(translations, std::pair(asker, pid))) return found;
    return pid > 0 && live.count(pid) != 0 ? std::optional<uint32_t>(pid) : std::nullopt;
  }
  absl::Status SetGuardedNames(std::span<const kernel::GuardedName> names) override {
    if (failing.ok()) guarded_names.assign(names.begin(), names.end());
    return failing;
  }
  absl::Status SetGuardedPorts(std::span<const kernel::GuardedPort> ports) override {
    if (failing.ok()) guarded_ports.assign(ports.begin(), ports.end());
    return failing;
  }
  absl::Status SetOwnAddresses(std::span<const belfry_address> addresses) override {
    if (failing.ok()) own_addresses.assign(addresses.begin(), addresses.end());
    return failing;
  }
  absl::Status SetOrders(std::span<const kernel::GuardOrders> given) override {
    orders.clear();
    rules.clear();
    for (const kernel::GuardOrders& one : given) {
      orders[one.guard] = one.orders;
      if (one.rules != nullptr) rules[one.guard] = one.rules;
    }
    return failing;
  }
  absl::Status SetRuleSettings(const belfry_rule_settings& given) override {
    rule_settings = given;
    return failing;
  }
  absl::Status SetServers(std::span<const kernel::GuardServer> given) override {
    servers.assign(given.begin(), given.end());
    return failing;
  }
  absl::Status SignOfLife() override {
    ++signs_of_life;
    return failing;
  }
  absl::Status Taint(uint64_t cookie, uint32_t bits) override {
    const auto found = connections.find(cookie);
    if (found == connections.end()) return absl::NotFoundError("tainting a connection: no such record");
    found->second.record.taints |= bits;
    tainted.emplace_back(cookie, bits);
    return failing;
  }
  absl::Status Insert(uint64_t cookie, const belfry_connection& record) override {
    if (failing.ok()) connections[cookie] = {cookie, record, true};
    return failing;
  }
  absl::Status Forget(uint64_t cookie) override {
    connections.erase(cookie);
    forgotten.push_back(cookie);
    return failing;
  }
  absl::Status RetireOthers() override {
    ++retired_others;
    return failing;
  }
  std::vector<kernel::ProgramCounters> Counters() override { return counters; }
  const std::string& BackendName() const override { return backend; }
  const std::vector<std::string>& StepsDown() const override { return steps_down; }
  bool RefusesUse() const override { return refuses_use; }
  uint32_t BlindTo() const override { return blind_to; }

 private:
  template <typename Map>
  static std::optional<typename Map::mapped_type> Find(const Map& map, const typename Map::key_type& key) {
    const auto found = map.find(key);
    return found == map.end() ? std::nullopt : std::optional(found->second);
  }
  template <typename Wanted>
  absl::StatusOr<std::vector<kernel::ConnectionEntry>> Where(Wanted wanted) const {
    if (!failing.ok()) return failing;
    std::vector<kernel::ConnectionEntry> out;
    for (const auto& [cookie, entry] : connections) {
      if (wanted(entry)) out.push_back(entry);
    }
    return out;
  }
  template <typename Wanted>
  absl::StatusOr<std::vector<belfry_socket>> SlotsWhere(Wanted wanted) const {
    if (!failing.ok()) return failing;
    std::vector<belfry_socket> out;
    std::copy_if(sockets.begin(), sockets.end(), std::back_inserter(out), wanted);
    return out;
  }

  kit::OwnedFd ring_;
  std::deque<std::vector<std::byte>> ring_records_;
};

}  // namespace belfry::support

#endif  // BELFRY_SUPPORT_FAKE_KERNEL_H_
