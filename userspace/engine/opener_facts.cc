#include "engine/opener_facts.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "engine/guard.h"
#include "evidence/decode.h"
#include "host/process_files.h"
#include "verdict/soundness.h"

namespace belfry::engine {
namespace {

using verdict::Fact;
using verdict::Field;

constexpr char kOlder[] = "its exec was not seen, it is older than Belfry (trust_backfill)";
constexpr char kElsewhere[] = "its mount namespace or root is not the host's (container_paths, rootless)";
constexpr char kGone[] = "it had ended or become another";
constexpr char kReplaced[] = "what it runs is not what it executed";

bool Backfilled(const belfry_process& record) { return (record.image_flags & BELFRY_IMAGE_BACKFILLED) != 0; }

bool SamePin(const belfry_pin& a, const belfry_pin& b) { return SameProcess(a, b) && a.exec_id == b.exec_id; }

bool SameFile(const belfry_file_id& a, const belfry_file_id& b) {
  return a.dev == b.dev && a.ino == b.ino && a.generation == b.generation;
}

Fact Realm(bool foreign, bool known) {
  return known ? Fact::Known(foreign ? "other" : "host") : Fact::Unknown("the kernel part could not tell");
}

// As it was executed; the kernel part keeps 127 bytes of it.
Fact NameOfScript(std::string_view name) {
  if (name.size() + 1 >= BELFRY_FILENAME_BYTES) return Fact::Unknown("its name is longer than the record");
  return name.empty() ? Fact() : Fact::Known(std::string(name));
}

void Realms(const belfry_connection& connection, verdict::Opener& opener) {
  const bool placed = (connection.place & BELFRY_PLACE_UNKNOWN) == 0;
  opener[Field::kMntns] = Realm((connection.place & BELFRY_PLACE_MNTNS_FOREIGN) != 0, placed);
  opener[Field::kUserns] = Realm((connection.place & BELFRY_PLACE_USERNS) != 0, placed);
}

// What is a selector, under which key. Files are not: of those the rules' are followed, and no others.
constexpr std::pair<Field, const char*> kSayable[] = {
    {Field::kScript, "script"}, {Field::kCgroup, "cgroup"}, {Field::kUnit, "unit"},     {Field::kContainer, "container"},
    {Field::kPod, "pod_uid"},   {Field::kMntns, "mntns"},   {Field::kNetns, "netns"}, {Field::kUserns, "userns"}};

bool IsGood(Field field, const std::string& value) {
  if (field == Field::kScript) return absl::StartsWith(value, "/");
  const bool realm = field == Field::kMntns || field == Field::kNetns || field == Field::kUserns;
  return !realm || value == "host";
}

// Components: "/a/b" has two.
size_t DepthOf(const std::string& cgroup) { return cgroup == "/" ? 0 : static_cast<size_t>(std::count(cgroup.begin(), cgroup.end(), '/')); }

}  // namespace

struct OpenerFacts::Asked {
  const belfry_connection& connection;
  const verdict::GuardPolicy& policy;
  const evidence::KnownProcess* known = nullptr;  // of that exec
  std::optional<belfry_process> record;           // likewise
  std::string called;                             // its path, as /proc has it; of whoever bears the number now
};

OpenerFacts::Asked OpenerFacts::AskedOf(const belfry_connection& connection, const verdict::GuardPolicy& policy) {
  Asked asked{.connection = connection, .policy = policy};
  asked.known = processes_.Find(connection.opener.tgid, connection.opener.start_ns);
  if (asked.known != nullptr && !SamePin(asked.known->record.pin, connection.opener)) asked.known = nullptr;
  asked.record = kernel_.Process(connection.opener.tgid);
  if (asked.record && !SamePin(asked.record->pin, connection.opener)) asked.record.reset();
  if (!asked.record && asked.known != nullptr) asked.record = asked.known->record;
  return asked;
}

verdict::Opener OpenerFacts::Of(const belfry_connection& connection, const verdict::GuardPolicy& policy,
                                const verdict::Rules& rules, const DigestFact& digest) {
  const Asked asked = AskedOf(connection, policy);
  verdict::Opener opener;
  const auto tell = [&](Field field, auto fact) {
    if (rules.Asks(field)) opener[field] = fact();
  };
  tell(Field::kExe, [&] { return Exe(asked); });
  tell(Field::kScript, [&] { return Script(asked); });
  tell(Field::kGid, [&] { return Groups(asked); });
  tell(Field::kAncestor, [&] { return Ancestors(asked); });
  tell(Field::kNetns, [&] { return NetworkNamespace(asked); });
  opener[Field::kUid] = Fact::Known(absl::StrCat(connection.creds.euid));
  opener[Field::kSha256] = digest.sha256 ? Fact::Known(*digest.sha256) : Fact::Unknown(digest.absent);
  opener.digest_pending = digest.pending;
  Realms(connection, opener);
  Home(asked, opener);
  return opener;
}

std::vector<std::string> OpenerFacts::Selectors(const belfry_connection& connection, const verdict::GuardPolicy& policy) {
  const Asked asked = AskedOf(connection, policy);
  verdict::Opener opener;
  opener[Field::kNetns] = NetworkNamespace(asked);
  Realms(connection, opener);
  Home(asked, opener);
  // Not what the interpreter was given to read: the file that was executed. In a user namespace its owner says which
  // interpreter that gets (binfmt_misc, 6.7), also where `rootless` tolerates the place.
  if (asked.record && (asked.record->image_flags & BELFRY_IMAGE_INTERPRETED) != 0 &&
      ((connection.place | asked.record->place) & BELFRY_PLACE_USERNS) == 0)
    opener[Field::kScript] = Script(asked);
  if (const Fact& cgroup = opener[Field::kCgroup]; !cgroup.values.empty() && opener.cgroup_anchored < DepthOf(cgroup.values[0]))
    opener[Field::kCgroup] = Fact();

  std::vector<std::string> out;
  for (const auto& [field, key] : kSayable)
    if (const Fact& fact = opener[field]; fact.unknown.empty() && !fact.values.empty() && IsGood(field, fact.values[0]))
      out.push_back(absl::StrCat(key, ":", fact.values[0]));
  if ((connection.creds.cap_effective | connection.creds.cap_permitted) == 0) out.emplace_back("caps:none");
  return out;
}

// The file of its last exec, if that is proven and means on the host what it means there.
std::optional<belfry_file_id> OpenerFacts::ImageOf(const belfry_process& record, const verdict::GuardPolicy& policy,
                                                   Fact& why_not) {
  if (!verdict::OnHostPaths(record.place, policy)) {
    why_not = Fact::Unknown(kElsewhere);
    return std::nullopt;
  }
  if (!Backfilled(record)) return record.image;
  if (policy.trust_backfill)
    if (const auto live = kernel_.Live(record.pin.tgid); live.ok() && SamePin(live->pin, record.pin)) return live->exe;
  why_not = Fact::Unknown(kOlder);
  return std::nullopt;
}

Fact OpenerFacts::Exe(const Asked& asked) {
  if (!asked.record) return Fact::Unknown(kGone);
  if (!verdict::OnHostPaths(asked.connection.place, asked.policy)) return Fact::Unknown(kElsewhere);
  Fact fact;
  const auto image = ImageOf(*asked.record, asked.policy, fact);
  if (!image) return fact;
  if (!SameFile(*image, asked.connection.exe)) return Fact::Unknown(kReplaced);
  std::string called = host::ExecutableNow(asked.connection.opener.tgid).value_or("");
  if (absl::EndsWith(called, " (deleted)")) called.resize(called.size() - 10);
  // Of one that has ended: a hint where to look, the file decides.
  if (called.empty()) called = evidence::Text(asked.record->filename);
  fact.values = files_.PathsOf(*image, Backfilled(*asked.record) ? 0 : asked.record->exec_ns, called);
  if (fact.values.empty()) fact.shown = files_.Watches(called) ? absl::StrCat("another file of the name ", called) : called;
  return fact;
}

Fact OpenerFacts::Script(const Asked& asked) {
  if (!asked.record) return Fact::Unknown(kGone);
  if (Backfilled(*asked.record)) return Fact::Unknown(kOlder);
  if (!verdict::OnHostPaths(asked.connection.place | asked.record->place, asked.policy)) return Fact::Unknown(kElsewhere);
  if ((asked.record->image_flags & BELFRY_IMAGE_INTERPRETED) != 0) return NameOfScript(evidence::Text(asked.record->filename));
  return asked.known == nullptr ? Fact::Unknown("its record on the ring was lost") : NameOfScript(asked.known->script);
}

bool OpenerFacts::StillThere(const belfry_pin& pin) {
  const auto live = kernel_.Live(pin.tgid);
  return live.ok() && SamePin(live->pin, pin);
}

// No record has the supplementary ones.
Fact OpenerFacts::Groups(const Asked& asked) {
  const belfry_pin& pin = asked.connection.opener;
  Fact fact = Fact::Known(absl::StrCat(asked.connection.creds.egid));
  const auto files = host::ProcessFiles::Open(pin.tgid);
  const auto status = files.ok() ? files->Status() : absl::StatusOr<host::ProcessStatus>(files.status());
  if (!status.ok() || !StillThere(pin)) {
    fact.unknown = absl::StrCat("its supplementary groups: ", kGone);
    return fact;
  }
  for (const uint32_t gid : status->supplementary_gids) fact.values.push_back(absl::StrCat(gid));
  std::sort(fact.values.begin(), fact.values.end());
  fact.values.erase(std::unique(fact.values.begin(), fact.values.end()), fact.values.end());
  return fact;
}

Fact OpenerFacts::Ancestors(const Asked& asked) {
  if (!asked.record) return Fact::Unknown(kGone);
  Fact fact;
  const belfry_process* last = &*asked.record;
  for (const evidence::KnownProcess* parent : processes_.AncestryOf(*asked.record)) {
    last = &parent->record;
    Fact why_not;
    const auto image = ImageOf(parent->record, asked.policy, why_not);
    if (!image) {
      fact.unknown = absl::StrCat("pid ", parent->record.pin.tgid, ": ", why_not.unknown);
      continue;
    }
    const std::string called = host::ExecutableNow(parent->record.pin.tgid).value_or("");
    for (std::string& path : files_.PathsOf(*image, parent->record.exec_ns, called)) fact.values.push_back(std::move(path));
    if (!Backfilled(parent->record) && !parent->script.empty()) fact.values.push_back(parent->script);
  }
  if (last->pin.tgid != 1 && last->parent_tgid != 0 && fact.unknown.empty())
    fact.unknown = absl::StrCat("what started pid ", last->pin.tgid);
  return fact;
}

Fact OpenerFacts::NetworkNamespace(const Asked& asked) {
  const auto own = host::NetworkNamespaceNow(asked.connection.opener.tgid), host = host::NetworkNamespaceNow(1);
  if (!own.ok() || !host.ok() || !StillThere(asked.connection.opener))
    return Fact::Unknown(absl::StrCat("no record has it, and ", kGone));
  return Fact::Known(*own == *host ? "host" : "other");
}

// Names count as deep as root's alone could choose them.
void OpenerFacts::Home(const Asked& asked, verdict::Opener& opener) {
  const auto home = cgroups_.Find(asked.connection.cgroup_id);
  opener.cgroup_anchored = home->anchored;
  if (home->cgroup.empty() || home->cgroup == "/") {
    for (const Field field : {Field::kUnit, Field::kContainer, Field::kPod})
      opener[field] = Fact::Unknown(home->cgroup.empty() ? "its cgroup is gone or out of sight" : "it is in the root cgroup");
    opener[Field::kCgroup] = home->cgroup.empty() ? Fact::Unknown("it is gone or out of sight") : Fact::Known("/");
    return;
  }
  opener[Field::kCgroup].values = {home->cgroup};
  const auto name = [&](Field field, const std::string& text, size_t depth) {
    if (text.empty()) return;
    opener[field] = depth <= home->anchored ? Fact::Known(text)
                                            : Fact::Unknown("others than root may write to its cgroup, or above");
  };
  name(Field::kUnit, home->unit, home->unit_depth);
  name(Field::kContainer, home->container, home->container_depth);
  name(Field::kPod, home->pod, home->pod_depth);
}

}  // namespace belfry::engine
