#include "engine/witness.h"

#include <algorithm>
#include <utility>

#include "evidence/decode.h"
#include "host/process_files.h"
#include "verdict/soundness.h"

namespace belfry::engine {
namespace {

constexpr size_t kRememberedMax = 4096;  // of each cache
constexpr size_t kParentsMax = 16;
constexpr size_t kArgumentsMax = 32;

bool Backfilled(const belfry_process& record) { return (record.image_flags & BELFRY_IMAGE_BACKFILLED) != 0; }

bool SamePin(const belfry_pin& a, const belfry_pin& b) { return SameProcess(a, b) && a.exec_id == b.exec_id; }

// As it was executed. The kernel part keeps 127 bytes of it.
std::string FilenameOf(const belfry_process& record) {
  std::string name(evidence::Text(record.filename));
  return name.size() + 1 == BELFRY_FILENAME_BYTES ? name + "..." : name;
}

// Its exec is not known: better nothing than the name of another exec.
std::shared_ptr<const effect::Who> Unnamed(const std::string& comm, const char* known_by) {
  return std::make_shared<const effect::Who>(effect::Who{.program = {.comm = comm}, .known_by = known_by});
}

template <typename Map>
void MakeRoom(Map& map) {
  if (map.size() >= kRememberedMax) map.clear();
}

}  // namespace

const belfry_process* Witness::TellOpener(const belfry_connection& connection, effect::Entry& entry) {
  const belfry_process* record = nullptr;
  entry.who = WhoIs(connection.opener, &record);
  if (entry.who == nullptr) entry.who = Unnamed(entry.comm, "connect");
  entry.home = cgroups_.Find(connection.cgroup_id);
  entry.gid = connection.creds.egid;
  return record;
}

void Witness::Name(const belfry_connection& connection, effect::Entry& entry) { TellOpener(connection, entry); }

void Witness::Opener(const belfry_connection& connection, effect::Entry& entry) {
  const belfry_process* record = TellOpener(connection, entry);
  const uint32_t image = record == nullptr ? 0 : verdict::ImageTaints(record->image_flags);
  entry.reasons = verdict::TaintNames(connection.taints | image);
  const Guard* guard = guards_.ByNumber(connection.guard);
  if (guard == nullptr) return;
  entry.elsewhere = !verdict::OnHostPaths(connection.place | (record == nullptr ? 0 : record->place), guard->config.policy);
  const bool withheld = ((connection.taints | image) & verdict::WithholdingBits(guard->config.policy)) != 0;
  entry.verdict = guard->IsOwn(connection.opener) ? "own" : withheld ? "withheld" : "sound";
}

void Witness::Process(const belfry_pin& pin, effect::Entry& entry) {
  const belfry_process* record = nullptr;
  entry.who = WhoIs(pin, &record);
  if (entry.who == nullptr) entry.who = Unnamed(entry.comm, "");
  if (record == nullptr) return;
  if (entry.comm.empty()) entry.comm = evidence::Text(record->comm);
  if (!entry.uid) entry.uid = record->creds.euid;
  if (!entry.gid) entry.gid = record->creds.egid;
  if (entry.home == nullptr) entry.home = cgroups_.Find(record->cgroup_id);
}

void Witness::Complete(effect::Entry& entry) {
  if (entry.who == nullptr && entry.pid != 0) {
    const evidence::KnownProcess* known = entry.pid_start_ns == 0 ? processes_.Find(entry.pid)
                                                                  : processes_.Find(entry.pid, entry.pid_start_ns);
    if (known != nullptr) Process(known->record.pin, entry);
  }
  if (entry.uid && entry.user.empty()) entry.user = names_.User(*entry.uid).value_or("");
  if (entry.gid && entry.group.empty()) entry.group = names_.Group(*entry.gid).value_or("");
  const Guard* guard = entry.guard.empty() ? nullptr : guards_.ByName(entry.guard);
  if (guard == nullptr) return;
  if (entry.action == "connect" && entry.outcome.empty()) entry.outcome = "success";
  if (entry.mode.empty()) entry.mode = verdict::ModeName(guard->mode);
  if (entry.socket.empty() && guard->config.sockets.size() == 1) entry.socket = guard->config.sockets.front().path;
  if (IsViolation(entry)) entry.violation = true;
}

bool Witness::IsViolation(const effect::Entry& entry) {
  if (entry.violation) return true;
  for (const char* action : {"refused", "impostor_listener", "withheld", "would_withhold", "cut"})
    if (entry.action == action) return true;
  if (entry.reasons.empty() || entry.verdict == "own" || (entry.action != "taint" && entry.action != "connect")) return false;
  const Guard* guard = guards_.ByName(entry.guard);
  if (guard == nullptr) return false;
  const belfry_pin opener{.start_ns = entry.pid_start_ns, .tgid = entry.pid};
  if (entry.action == "connect" && guard->IsOwn(opener)) return false;
  const std::vector<std::string> against = verdict::TaintNames(verdict::WithholdingBits(guard->config.policy));
  return std::any_of(entry.reasons.begin(), entry.reasons.end(), [&](const std::string& reason) {
    return std::find(against.begin(), against.end(), reason) != against.end();
  });
}

// A parent may have executed something else since: then the chain is told anew.
std::shared_ptr<const effect::Who> Witness::WhoIs(const belfry_pin& pin, const belfry_process** record) {
  const evidence::KnownProcess* known = processes_.Find(pin.tgid, pin.start_ns);
  if (known != nullptr && known->record.pin.exec_id != pin.exec_id) known = nullptr;
  if (known != nullptr) {
    *record = &known->record;
  } else if (const auto from_kernel = kernel_.Process(pin.tgid); from_kernel && SamePin(from_kernel->pin, pin)) {
    from_kernel_ = *from_kernel;  // its record on the ring was lost
    *record = &from_kernel_;
  } else {
    return nullptr;
  }
  std::vector<const evidence::KnownProcess*> parents = processes_.AncestryOf(**record);
  if (parents.size() > kParentsMax) parents.resize(kParentsMax);
  std::vector<Key> keys;
  for (const evidence::KnownProcess* parent : parents) keys.push_back(KeyOf(parent->record.pin));
  if (const auto found = known_.find(KeyOf(pin)); found != known_.end() && found->second.parents == keys)
    return found->second.who;
  auto who = std::make_shared<effect::Who>();
  const std::string* argv = known == nullptr ? nullptr : known->argv.get();
  who->program = ProgramOf(**record, known == nullptr ? "" : known->script, argv);
  who->known_by = Backfilled(**record) ? "backfilled" : "exec";
  if (argv != nullptr)
    for (const std::string_view argument : evidence::Arguments(*argv))
      if (who->args.size() < kArgumentsMax) who->args.emplace_back(argument);
  for (const evidence::KnownProcess* parent : parents)
    who->parents.push_back({parent->record.pin.tgid, ProgramOf(parent->record, parent->script, parent->argv.get())});
  MakeRoom(known_);
  known_[KeyOf(pin)] = {who, std::move(keys)};
  return who;
}

effect::Program Witness::ProgramOf(const belfry_process& record, const std::string& script, const std::string* argv) {
  if (const auto found = programs_.find(KeyOf(record.pin)); found != programs_.end()) return found->second;
  effect::Program program{.exe = ExecutableOf(record, argv), .script = script, .comm = std::string(evidence::Text(record.comm))};
  if (script.empty() && (record.image_flags & BELFRY_IMAGE_INTERPRETED) != 0) program.script = FilenameOf(record);
  if (script.size() + 1 == BELFRY_FILENAME_BYTES) program.script += "...";
  MakeRoom(programs_);
  programs_.emplace(KeyOf(record.pin), program);
  return program;
}

// The path of the file that runs, where it could be seen while it ran; else the name that was executed, which for a
// script is the first argument: the kernel puts the interpreter there.
std::string Witness::ExecutableOf(const belfry_process& record, const std::string* argv) {
  const bool interpreted = (record.image_flags & BELFRY_IMAGE_INTERPRETED) != 0;
  std::string executed = Backfilled(record) ? "" : FilenameOf(record);
  if (interpreted) executed = argv == nullptr ? "" : std::string(evidence::Arguments(*argv).front());
  const std::tuple key(record.image.dev, record.image.ino, record.image.generation, executed);
  const bool identified = record.image.ino != 0 && !executed.empty();
  if (const auto found = paths_.find(key); identified && found != paths_.end()) return found->second;
  const auto now = host::ExecutableNow(record.pin.tgid);
  if (!now.ok() || !StillRuns(record)) return executed;
  if (identified && !now->ends_with(" (deleted)")) {
    MakeRoom(paths_);
    paths_.emplace(key, *now);
  }
  return *now;
}

// Is the process of this number still of this exec, and does it run this file? An exec under way has the new file first
// (exec_mmap), then the new exec id, and its record only when the new image is mapped (sched_process_exec).
bool Witness::StillRuns(const belfry_process& record) {
  const auto live = kernel_.Live(record.pin.tgid);
  return live.ok() && SamePin(live->pin, record.pin) && live->exe.dev == record.image.dev && live->exe.ino == record.image.ino &&
         live->exe.generation == record.image.generation;
}

}  // namespace belfry::engine
