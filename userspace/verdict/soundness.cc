#include "verdict/soundness.h"

#include <algorithm>

namespace belfry::verdict {
namespace {

constexpr const char* kNoSuchProcess = "no_such_process";
constexpr uint32_t kNotOnHostPaths =
    BELFRY_PLACE_MNTNS_UNPRIV | BELFRY_PLACE_USERNS | BELFRY_PLACE_ROOT_FOREIGN | BELFRY_PLACE_UNKNOWN;

constexpr uint32_t Bit(belfry_taint taint) { return 1u << taint; }

// Never the times: a package upgrade under a running process changes ctime and link count (kernel-facts 9.13).
bool SameFile(const belfry_file_id& a, const belfry_file_id& b) {
  return a.ino == b.ino && a.generation == b.generation && a.dev == b.dev;
}

bool SamePin(const belfry_pin& a, const belfry_pin& b) {
  return a.tgid == b.tgid && a.start_ns == b.start_ns && a.exec_id == b.exec_id;
}

bool Lives(const std::optional<belfry_live>& live) { return live && live->threads != 0 && !live->kernel_thread; }

// The exec record of the process that lives now; one of an earlier owner of the number is no record.
const belfry_process* RecordOf(const Facts& facts) {
  const bool ours = facts.process && facts.process->pin.tgid == facts.live->pin.tgid &&
                    facts.process->pin.start_ns == facts.live->pin.start_ns;
  return ours ? &*facts.process : nullptr;
}

// The image as recorded at the exec, nullptr if that was not seen.
const belfry_file_id* ImageOf(const belfry_process* record) {
  return record != nullptr && !(record->image_flags & BELFRY_IMAGE_BACKFILLED) ? &record->image : nullptr;
}

// Taints of the process itself: they count for every connection it has.
uint32_t ProcessTaints(const Facts& facts) {
  uint32_t taints = facts.gap ? Bit(BELFRY_TAINT_EVIDENCE_GAP) : 0;
  const belfry_process* record = RecordOf(facts);
  const belfry_live& now = *facts.live;
  const belfry_live& after = *facts.live_after;
  // Inside an exec the exec id is still the old one while the executable is the new one already, then the exec id is
  // new while the record is still the old one (kernel-facts 9.8): neither is a moment to vouch for anything.
  if (!SamePin(now.pin, after.pin) || !SameFile(now.exe, after.exe)) taints |= Bit(BELFRY_TAINT_EXEC_AFTER_CONNECT);
  if (record != nullptr && record->pin.exec_id != now.pin.exec_id) taints |= Bit(BELFRY_TAINT_EXEC_AFTER_CONNECT);
  const belfry_file_id* image = ImageOf(record);
  if (image != nullptr && !SameFile(*image, now.exe)) taints |= Bit(BELFRY_TAINT_EXE_REPLACED);
  if (record != nullptr) taints |= ImageTaints(record->image_flags);
  if (now.traced_by != 0 || after.traced_by != 0) taints |= Bit(BELFRY_TAINT_TRACED);
  return taints;
}

// Dropping what one had is no growth. Whoever was root, or is what it was in another of its ids, gained nothing.
bool CredsGrew(const belfry_creds& at_connect, const belfry_creds& now) {
  const uint64_t had = at_connect.cap_permitted | at_connect.cap_effective;
  if ((now.cap_permitted | now.cap_effective) & ~had) return true;
  if (at_connect.uid == 0 || at_connect.euid == 0) return false;
  const auto is_new = [](uint32_t id, uint32_t a, uint32_t b) { return id != a && id != b; };
  return is_new(now.uid, at_connect.uid, at_connect.euid) || is_new(now.euid, at_connect.uid, at_connect.euid) ||
         is_new(now.gid, at_connect.gid, at_connect.egid) || is_new(now.egid, at_connect.gid, at_connect.egid);
}

bool IsForeign(const belfry_socket& holder, const belfry_pin& opener) {
  return holder.in_flight || holder.holder_tgid != opener.tgid || holder.holder_start_ns != opener.start_ns;
}

// What the facts about one connection add to the taints that its record carries. `live` is the process now.
uint32_t ConnectionTaints(const ConnectionFacts& connection, const belfry_live& live) {
  const belfry_connection& at_connect = connection.record;
  uint32_t taints = at_connect.taints;
  if (std::any_of(connection.foreign_holders.begin(), connection.foreign_holders.end(),
                  [&](const belfry_socket& holder) { return IsForeign(holder, at_connect.opener); })) {
    taints |= Bit(BELFRY_TAINT_FD_TRANSFERRED);
  }
  // A connection that was found without a record has no pin to compare: its own taint says all there is.
  if ((taints & Bit(BELFRY_TAINT_UNRECORDED)) && at_connect.opener.start_ns == 0) return taints;
  if (at_connect.opener.tgid != live.pin.tgid || at_connect.opener.start_ns != live.pin.start_ns) {
    return taints | Bit(BELFRY_TAINT_OPENER_EXITED);  // nothing below is about this opener
  }
  if (at_connect.opener.exec_id != live.pin.exec_id) return taints | Bit(BELFRY_TAINT_EXEC_AFTER_CONNECT);
  // Same exec: what ran at connect must be what runs now, whether or not the exec itself was seen. That what runs now
  // is also the image of the exec, ProcessTaints has looked at.
  if (!SameFile(at_connect.exe, live.exe)) taints |= Bit(BELFRY_TAINT_EXE_REPLACED);
  if (CredsGrew(at_connect.creds, live.creds)) taints |= Bit(BELFRY_TAINT_CREDS_CHANGED);
  if (at_connect.cgroup_id != live.cgroup_id) taints |= Bit(BELFRY_TAINT_CGROUP_MOVED);
  return taints;
}

void Withhold(Verdict& verdict, std::vector<std::string> reasons) {
  std::sort(reasons.begin(), reasons.end());
  reasons.erase(std::unique(reasons.begin(), reasons.end()), reasons.end());
  verdict.outcome = Outcome::kWithheld;
  verdict.reasons = std::move(reasons);
}

// Nobody lives there, or the number changed hands while we looked: whatever else bears it was opened by someone gone.
Verdict NoSuchProcess(const Facts& facts) {
  Verdict verdict;
  Withhold(verdict, {kNoSuchProcess});
  for (const ConnectionFacts& connection : facts.connections) {
    const bool of_successor = Lives(facts.live_after) && SamePin(connection.record.opener, facts.live_after->pin);
    if (!connection.alive || of_successor) continue;
    verdict.taints |= connection.record.taints | Bit(BELFRY_TAINT_OPENER_EXITED);
    verdict.to_cut.push_back(connection.cookie);
  }
  return verdict;
}

// Invariant 3. `place_at_connect`: union over the connections that count.
void SayOfImage(const Facts& facts, const GuardPolicy& policy, uint32_t place_at_connect, Verdict& verdict) {
  const belfry_process* record = RecordOf(facts);
  const bool seen = ImageOf(record) != nullptr;
  verdict.image_proven = seen || policy.trust_backfill;
  // All of it: at exec, at connect and now. A process may leave a namespace again with what it loaded there.
  uint32_t place = place_at_connect | facts.live->place | facts.live_after->place | (record ? record->place : 0);
  verdict.path_proven = verdict.image_proven && OnHostPaths(place, policy);
  verdict.preload_proven = seen && !(record->image_flags & BELFRY_IMAGE_ENV_UNPROVEN) &&
                           !(verdict.taints & Bit(BELFRY_TAINT_UNTRUSTED_CODE));
}

bool NobodyLives(const Facts& facts) {
  return facts.asked_pid <= 0 || facts.tgid == 0 || !Lives(facts.live) || !Lives(facts.live_after) ||
         facts.live->pin.tgid != facts.tgid || facts.live->pin.start_ns != facts.live_after->pin.start_ns;
}

}  // namespace

uint32_t ImageTaints(uint32_t image_flags) {
  const uint32_t untrusted = BELFRY_IMAGE_PRELOAD | BELFRY_IMAGE_MEMFD | BELFRY_IMAGE_UNLINKED;
  return ((image_flags & untrusted) != 0 ? Bit(BELFRY_TAINT_UNTRUSTED_CODE) : 0) |
         ((image_flags & BELFRY_IMAGE_TRACED) != 0 ? Bit(BELFRY_TAINT_TRACED) : 0) |
         ((image_flags & BELFRY_IMAGE_MEMORY_WRITTEN) != 0 ? Bit(BELFRY_TAINT_MEMORY_WRITTEN) : 0);
}

uint32_t WithholdingBits(const GuardPolicy& policy) {
  uint32_t bits = policy.withhold_on;
  for (int taint = 0; taint < 32; ++taint) {
    if (IsClassA(taint)) bits |= 1u << taint;
  }
  return bits;
}

uint32_t ToleratedPlace(const GuardPolicy& policy) {
  return (policy.container_paths ? BELFRY_PLACE_MNTNS_FOREIGN : 0u) |
         (policy.rootless ? BELFRY_PLACE_MNTNS_UNPRIV | BELFRY_PLACE_USERNS | BELFRY_PLACE_ROOT_FOREIGN : 0u);
}

uint32_t ForeignPlace(const GuardPolicy& policy) {
  return ~ToleratedPlace(policy) & (kNotOnHostPaths | BELFRY_PLACE_MNTNS_FOREIGN);
}

bool OnHostPaths(uint32_t place, const GuardPolicy& policy) { return (place & ForeignPlace(policy)) == 0; }

Verdict Judge(const Facts& facts, const GuardPolicy& policy) {
  if (NobodyLives(facts)) return NoSuchProcess(facts);
  const uint32_t withholding = WithholdingBits(policy);
  const uint32_t process_taints = ProcessTaints(facts);
  Verdict verdict;
  bool all_searched = true;
  size_t live_connections = 0;
  uint32_t place = 0;
  for (const ConnectionFacts& connection : facts.connections) {
    if (!connection.alive) continue;
    ++live_connections;
    const uint32_t taints = process_taints | ConnectionTaints(connection, *facts.live);
    verdict.taints |= taints;
    if (taints & withholding) verdict.to_cut.push_back(connection.cookie);
    all_searched = all_searched && connection.holders_searched;
    place |= connection.record.place;
  }
  if (live_connections == 0) verdict.taints |= process_taints | Bit(BELFRY_TAINT_UNRECORDED);
  if (verdict.taints & withholding) {
    Withhold(verdict, TaintNames(verdict.taints & withholding));
    return verdict;
  }
  if (!all_searched) return verdict;
  verdict.outcome = Outcome::kSound;
  SayOfImage(facts, policy, place, verdict);
  return verdict;
}

Verdict JudgeByExec(const Facts& facts, const GuardPolicy& policy) {
  Verdict verdict;
  if (NobodyLives(facts)) {
    Withhold(verdict, {kNoSuchProcess});
    return verdict;
  }
  verdict.taints = ProcessTaints(facts);
  if (ImageOf(RecordOf(facts)) == nullptr) verdict.taints |= Bit(BELFRY_TAINT_UNRECORDED);
  if (const uint32_t bits = verdict.taints & WithholdingBits(policy); bits != 0) {
    Withhold(verdict, TaintNames(bits));
    return verdict;
  }
  verdict.outcome = Outcome::kSound;
  SayOfImage(facts, policy, 0, verdict);
  return verdict;
}

}  // namespace belfry::verdict
