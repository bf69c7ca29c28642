#include "kernel/records.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <sys/mman.h>

#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"
#include "kernel/call.h"
#include "kit/error.h"

namespace belfry::kernel {
namespace {

constexpr size_t kMadeBytes = BELFRY_MADE_BUCKETS * sizeof(uint64_t);

}  // namespace

absl::StatusOr<std::unique_ptr<Records>> Records::Open(belfry_bpf* skeleton, Snapshot& snapshot,
                                                      std::function<absl::Status()> collect) {
  void* made = mmap(nullptr, kMadeBytes, PROT_READ, MAP_SHARED, bpf_map__fd(skeleton->maps.made), 0);
  if (made == MAP_FAILED) return kit::ErrnoError("reading the map `made`");
  return std::unique_ptr<Records>(
      new Records(skeleton, snapshot, std::move(collect), static_cast<const uint64_t*>(made)));
}

Records::Records(belfry_bpf* skeleton, Snapshot& snapshot, std::function<absl::Status()> collect, const uint64_t* made)
    : skeleton_(skeleton),
      snapshot_(snapshot),
      map_fd_(bpf_map__fd(skeleton->maps.connections)),
      collect_(std::move(collect)),
      made_(made),
      index_(made) {}

Records::~Records() { munmap(const_cast<uint64_t*>(made_), kMadeBytes); }

void Records::Notice(const belfry_header& header) {
  if (header.kind != BELFRY_KIND_CONNECT && header.kind != BELFRY_KIND_UNRECORDED) return;
  if (header.size < sizeof(belfry_event_connect)) return;
  const auto& event = reinterpret_cast<const belfry_event_connect&>(header);
  index_.Told(event.cookie, event.connection.opener.tgid);
}

std::optional<belfry_connection> Records::Find(uint64_t cookie) const {
  belfry_connection record = {};
  if (bpf_map_lookup_elem(map_fd_, &cookie, &record) != 0) return std::nullopt;
  return record;
}

bool Records::OpenerLives(const belfry_pin& opener) {
  const absl::StatusOr<std::vector<belfry_live>> live = snapshot_.Live(opener.tgid);
  if (!live.ok()) return true;
  return !live->empty() && live->front().pin.start_ns == opener.start_ns;
}

void Records::Examine(ConnectionEntry& entry) {
  // An unrecorded connect whose socket was never found: its process answers for it.
  if (entry.record.client_sk == 0 && entry.record.opener.start_ns != 0 && (entry.cookie & BELFRY_COOKIE_NONE_BIT) != 0) {
    entry.alive = entry.client_open = OpenerLives(entry.record.opener);
    return;
  }
  belfry_call call = {.cookie = entry.cookie};
  if (!Call(skeleton_->progs.examine_connection, call).ok()) return;  // taken for alive
  entry.alive = call.alive;
  entry.client_open = call.client_open;
  entry.closing = call.closing;
}

std::optional<ConnectionEntry> Records::One(uint64_t cookie) {
  const std::optional<belfry_connection> record = Find(cookie);
  if (!record) return std::nullopt;
  ConnectionEntry entry{.cookie = cookie, .record = *record};
  Examine(entry);
  return entry;
}

absl::StatusOr<std::vector<ConnectionEntry>> Records::Of(uint32_t tgid) {
  if (absl::Status s = collect_(); !s.ok()) return s;
  std::vector<ConnectionEntry> entries;
  if (!index_.Complete(tgid)) {
    absl::StatusOr<std::vector<ConnectionEntry>> all = WalkAnew();
    if (!all.ok()) return all.status();
  }
  for (const uint64_t cookie : index_.Of(tgid)) {
    const std::optional<belfry_connection> record = Find(cookie);
    if (!record) continue;
    entries.push_back({.cookie = cookie, .record = *record});
    Examine(entries.back());
  }
  return entries;
}

absl::StatusOr<std::vector<ConnectionEntry>> Records::All() {
  if (absl::Status s = collect_(); !s.ok()) return s;
  absl::StatusOr<std::vector<ConnectionEntry>> entries = WalkAnew();
  if (!entries.ok()) return entries;
  for (ConnectionEntry& entry : *entries) Examine(entry);
  return entries;
}

absl::StatusOr<std::vector<ConnectionEntry>> Records::WalkAnew() {
  index_.Restart();
  absl::StatusOr<std::vector<ConnectionEntry>> entries = Walk();
  if (!entries.ok()) return entries;
  for (const ConnectionEntry& entry : *entries) index_.Found(entry.cookie, entry.record.opener.tgid);
  return entries;
}

// By batches, which the kernel reads bucket by bucket: what exists throughout the walk is not missed.
absl::StatusOr<std::vector<ConnectionEntry>> Records::Walk() {
  std::vector<ConnectionEntry> entries;
  uint32_t room = 4096, place = 0;
  bool first = true;
  for (;;) {
    std::vector<uint64_t> cookies(room);
    std::vector<belfry_connection> records(room);
    uint32_t count = room;
    uint32_t next = place;
    const int error = bpf_map_lookup_batch(map_fd_, first ? nullptr : &place, &next, cookies.data(), records.data(),
                                           &count, nullptr);
    if (error == -ENOSPC) {
      room *= 2;  // one bucket holds more than we have room for
      continue;
    }
    if (error != 0 && error != -ENOENT) {
      errno = -error;
      return kit::ErrnoError("walking over the connection records");
    }
    for (uint32_t i = 0; i < count; ++i) entries.push_back({.cookie = cookies[i], .record = records[i]});
    if (error == -ENOENT) return entries;
    place = next;
    first = false;
  }
}

absl::Status Records::Taint(uint64_t cookie, uint32_t bits) {
  belfry_call call = {.cookie = cookie, .bits = bits};
  if (absl::Status s = Call(skeleton_->progs.taint_connection, call); !s.ok()) return s;
  if (call.found) return absl::OkStatus();
  return kit::Error(absl::StatusCode::kNotFound, absl::StrCat("tainting the connection ", cookie), "it has no record");
}

absl::Status Records::Insert(uint64_t cookie, const belfry_connection& record) {
  if (bpf_map_update_elem(map_fd_, &cookie, &record, BPF_NOEXIST) != 0) {
    return kit::ErrnoError(absl::StrCat("recording the connection ", cookie), "raise max_connections if the map is full");
  }
  index_.Inserted(cookie, record.opener.tgid);
  return absl::OkStatus();
}

absl::Status Records::Forget(uint64_t cookie) {
  // Its event first: one that came later would count for a record that we do not know.
  if (absl::Status s = collect_(); !s.ok()) return s;
  index_.Forgotten(cookie);
  if (bpf_map_delete_elem(map_fd_, &cookie) == 0 || errno == ENOENT) return absl::OkStatus();
  return kit::ErrnoError(absl::StrCat("forgetting the connection ", cookie));
}

}  // namespace belfry::kernel
