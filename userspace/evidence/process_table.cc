#include "evidence/process_table.h"

#include <algorithm>
#include <cstring>

#include "absl/container/flat_hash_set.h"
#include "evidence/decode.h"

namespace belfry::evidence {
namespace {

constexpr size_t kAncestryMax = 64;  // a chain longer than this is a loop or an attack on the reader

belfry_process Backfilled(const belfry_live& live) {
  belfry_process record{};
  record.pin = live.pin;
  record.creds = live.creds;
  record.cgroup_id = live.cgroup_id;
  record.parent_start_ns = live.parent_start_ns;
  record.parent_tgid = live.parent_tgid;
  record.image_flags = BELFRY_IMAGE_BACKFILLED;
  record.place = live.place;
  record.mntns = live.mntns;
  record.userns = live.userns;
  record.pidns = live.pidns;
  memcpy(record.comm, live.comm, sizeof record.comm);
  record.comm[sizeof record.comm - 1] = '\0';
  return record;
}

bool Contains(std::string_view argv, const std::string& word) {
  const auto words = Arguments(argv);
  return std::find(words.begin(), words.end(), word) != words.end();
}

// The kernel names the script of a #! line. `#!/usr/bin/env python3` executes once more: the script is then an argument
// of the interpreter that env found.
std::string ScriptOf(const KnownProcess& before, const belfry_event_exec& event) {
  if ((event.process.image_flags & BELFRY_IMAGE_INTERPRETED) != 0) return std::string(Text(event.process.filename));
  if (before.script.empty() || before.argv == nullptr) return "";
  const auto words = Arguments(*before.argv);
  if (words.empty() || !(words[0] == "env" || words[0].ends_with("/env"))) return "";
  const std::string_view argv(event.argv, std::min<size_t>(event.argv_bytes, sizeof event.argv));
  return Contains(argv, before.script) ? before.script : "";
}

}  // namespace

KnownProcess* ProcessTable::Living(const belfry_pin& pin, uint64_t time_ns) {
  const auto found = live_.find(pin.tgid);
  if (found != live_.end()) {
    const uint64_t known = found->second->record.pin.start_ns;
    if (known == pin.start_ns) return found->second.get();
    if (known > pin.start_ns) return nullptr;  // a late word about an earlier owner of the number
    Retire(pin.tgid, time_ns);                 // its exit was lost
  }
  if (exited_.contains(Key(pin.tgid, pin.start_ns))) return nullptr;  // a late word about one that ended
  if (live_.size() >= limits_.live) {
    ++not_kept_;
    return nullptr;
  }
  auto& made = live_[pin.tgid] = std::make_unique<KnownProcess>();
  made->record.pin = pin;
  return made.get();
}

void ProcessTable::Apply(const belfry_event_exec& event) {
  KnownProcess* process = Living(event.process.pin, event.header.time_ns);
  if (process == nullptr || process->record.pin.exec_id > event.process.pin.exec_id) return;
  process->script = ScriptOf(*process, event);
  process->record = event.process;
  process->argv_cut = event.argv_cut != 0;
  process->argv =
      std::make_shared<const std::string>(event.argv, std::min<size_t>(event.argv_bytes, sizeof event.argv));
}

void ProcessTable::Apply(const belfry_event_fork& event) {
  const belfry_process& child = event.child;
  KnownProcess* process = Living(child.pin, event.header.time_ns);
  // An exec of the child that was told first is the later truth.
  if (process == nullptr || process->record.exec_ns > child.exec_ns) return;
  process->record = child;
  // The arguments are those of the parent, if it still runs what it ran at the fork.
  const KnownProcess* parent = Find(child.parent_tgid, child.parent_start_ns);
  if (parent == nullptr || parent->record.pin.exec_id != child.pin.exec_id) return;
  process->argv = parent->argv;
  process->argv_cut = parent->argv_cut;
  process->script = parent->script;
}

void ProcessTable::Apply(const belfry_event_exit& event) {
  const auto found = live_.find(event.pin.tgid);
  if (found == live_.end() || found->second->record.pin.start_ns != event.pin.start_ns) return;
  Retire(event.pin.tgid, event.header.time_ns);
}

void ProcessTable::Apply(const belfry_event_tampered& event) {
  const auto found = live_.find(event.process.tgid);
  if (found == live_.end()) return;
  belfry_process& record = found->second->record;
  if (record.pin.start_ns == event.process.start_ns && record.pin.exec_id == event.process.exec_id)
    record.image_flags |= event.image_flags;
}

void ProcessTable::Retire(uint32_t tgid, uint64_t time_ns) {
  const auto found = live_.find(tgid);
  std::unique_ptr<KnownProcess> ended = std::move(found->second);
  live_.erase(found);
  if (limits_.exited == 0) return;
  while (exited_.size() >= limits_.exited) DropOldest();
  const Key key(tgid, ended->record.pin.start_ns);
  ended->exited_ns = std::max<uint64_t>(time_ns, 1);
  if (exited_.insert_or_assign(key, std::move(ended)).second) exit_order_.push_back(key);
}

void ProcessTable::DropOldest() {
  exited_.erase(exit_order_.front());
  exit_order_.pop_front();
}

void ProcessTable::Seed(std::span<const belfry_live> snapshot, uint64_t time_ns) {
  absl::flat_hash_set<Key> present;
  present.reserve(snapshot.size());
  for (const belfry_live& live : snapshot) {
    present.emplace(live.pin.tgid, live.pin.start_ns);
    KnownProcess* process = Living(live.pin, time_ns);
    // An entry with less than an exec record, or of an exec before the one that runs, learns from the snapshot.
    const bool stale = process != nullptr && (process->record.pin.exec_id < live.pin.exec_id ||
                                              (process->record.exec_ns == 0 && process->argv == nullptr));
    if (!stale) continue;
    process->record = Backfilled(live);
    process->argv = nullptr;
    process->script.clear();
  }
  std::vector<uint32_t> gone;
  for (const auto& [tgid, process] : live_) {
    const uint64_t start = process->record.pin.start_ns;
    if (start <= time_ns && !present.contains(Key(tgid, start))) gone.push_back(tgid);
  }
  for (const uint32_t tgid : gone) Retire(tgid, time_ns);
}

void ProcessTable::Forget(uint64_t now_ns) {
  while (!exit_order_.empty()) {
    const auto found = exited_.find(exit_order_.front());
    if (found->second->exited_ns + limits_.keep_exited_ns > now_ns) return;
    DropOldest();
  }
}

const KnownProcess* ProcessTable::Find(uint32_t tgid) const {
  if (const auto found = live_.find(tgid); found != live_.end()) return found->second.get();
  const auto last =
      std::find_if(exit_order_.rbegin(), exit_order_.rend(), [&](const Key& k) { return k.first == tgid; });
  return last == exit_order_.rend() ? nullptr : exited_.find(*last)->second.get();
}

const KnownProcess* ProcessTable::Find(uint32_t tgid, uint64_t start_ns) const {
  const auto living = live_.find(tgid);
  if (living != live_.end() && living->second->record.pin.start_ns == start_ns) return living->second.get();
  const auto ended = exited_.find(Key(tgid, start_ns));
  return ended == exited_.end() ? nullptr : ended->second.get();
}

std::vector<const KnownProcess*> ProcessTable::Ancestry(uint32_t tgid) const {
  const KnownProcess* child = Find(tgid);
  return child == nullptr ? std::vector<const KnownProcess*>() : AncestryOf(child->record);
}

std::vector<const KnownProcess*> ProcessTable::AncestryOf(const belfry_process& record) const {
  std::vector<const KnownProcess*> out;
  for (const belfry_process* child = &record; out.size() < kAncestryMax; child = &out.back()->record) {
    const KnownProcess* parent = Find(child->parent_tgid, child->parent_start_ns);
    // A parent is older than its child: any other record is not to be believed, nor followed in a circle.
    if (parent == nullptr || parent->record.pin.start_ns >= child->pin.start_ns) break;
    out.push_back(parent);
  }
  return out;
}

}  // namespace belfry::evidence
