#include "kernel/loader.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <ctime>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "kernel/hooks.h"
#include "kernel/objects.h"
#include "kernel/pins.h"
#include "kit/error.h"

namespace belfry::kernel {
namespace {

// Maps that outlive a daemon; the others hold only questions. Those of bpf/cookie.bpf.h only older kernels need.
constexpr const char* kPinned[] = {"processes", "connections", "intents",  "listeners", "listeners_by_cookie", "guarded_names",
                                   "guarded_files", "settings",  "made",        "counters", "events",    "serving", "guards",
                                   "cookies",   "marks",       "guarded_ports", "port_guards", "openings", "openings_by_ends", "places",
                                   "servers", "buckets", "bucket_places", "policies", "rule_values", "rule_settings"};

// Never the same twice while the machine is up: the time since boot, in nanoseconds.
uint64_t NewGeneration() {
  timespec now = {};
  clock_gettime(CLOCK_BOOTTIME, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1000000000 + static_cast<uint64_t>(now.tv_nsec);
}

// Test switch: BELFRY_TEST_LEAVE_OUT=connect_ready,process_exit leaves these hooks unattached.
bool LeftOut(const std::string& hook) {
  const char* names = std::getenv("BELFRY_TEST_LEAVE_OUT");
  if (names == nullptr) return false;
  const std::vector<std::string> list = absl::StrSplit(names, ',');
  return std::find(list.begin(), list.end(), hook) != list.end();
}

bpf_map* MapOf(belfry_bpf* skeleton, const char* name) {
  return bpf_object__find_map_by_name(skeleton->obj, name);
}

bpf_program* ProgramOf(belfry_bpf* skeleton, const char* name) {
  return bpf_object__find_program_by_name(skeleton->obj, name);
}

// Programs that are in no hook table are called, never attached: they are always loaded.
void ChoosePrograms(Backend backend, const BpfOptions& options, const Loaded& loaded) {
  for (const Hook& hook : AllHooks()) bpf_program__set_autoload(ProgramOf(loaded.skeleton.get(), hook.name), false);
  for (const Hook& hook : HooksOf(backend, options.refuse_splice)) {
    bpf_program* program = ProgramOf(loaded.skeleton.get(), hook.name);
    // libbpf 1.1 does not know the section cgroup/connect_unix.
    if (hook.attach_type == kConnectUnix) {
      bpf_program__set_type(program, hook.type);
      bpf_program__set_expected_attach_type(program, static_cast<bpf_attach_type>(hook.attach_type));
    }
    bpf_program__set_autoload(program, !loaded.links.contains(hook.name) && !LeftOut(hook.name));
  }
}

// Which programs are pinned: of this object, with or without those on request.
std::string MarkOf(const Object& object, const BpfOptions& options) {
  return absl::StrCat(HashOf(object), options.refuse_splice ? "-refuse-splice" : "");
}

// All or none: what is not whole has missed something. Another floor keeps its cookies elsewhere.
void AdoptLinks(Backend backend, const BpfOptions& options, const Pins& pins, Loaded& loaded) {
  const bool same = pins.HasMark(MarkOf(*loaded.object, options)) && !pins.IsUnfinished();
  absl::flat_hash_map<std::string, kit::OwnedFd> alive;
  for (const Hook& hook : HooksOf(backend, options.refuse_splice)) {
    kit::OwnedFd link = pins.Get(absl::StrCat("link_", hook.name));
    if (!link && hook.on_request && !same) continue;  // the daemon before was not asked for it
    if (!link || !IsAttached(link.get()) || LeftOut(hook.name)) return;
    alive.emplace(hook.name, std::move(link));
  }
  if (same)
    loaded.links = std::move(alive);
  else if (pins.HasMarkOf(FloorOf(*loaded.object)))
    loaded.before = std::move(alive);
}

// Older ones rest from here on: the kernel releases links late.
absl::Status LetAct(const Loaded& loaded) {
  const int fd = bpf_map__fd(loaded.skeleton->maps.settings);
  const uint32_t zero = 0;
  belfry_settings settings = {};
  if (bpf_map_lookup_elem(fd, &zero, &settings) == 0) {
    settings.generation = loaded.generation;
    if (bpf_map_update_elem(fd, &zero, &settings, BPF_ANY) == 0) return absl::OkStatus();
  }
  return kit::ErrnoError("letting older programs rest");
}

absl::Status AdoptMaps(const Pins& pins, belfry_bpf* skeleton) {
  for (const char* name : kPinned) {
    kit::OwnedFd fd = pins.Get(absl::StrCat("map_", name));
    if (!fd || MapOf(skeleton, name) == nullptr) continue;
    if (const int error = bpf_map__reuse_fd(MapOf(skeleton, name), fd.get()); error != 0) {
      errno = -error;
      return kit::ErrnoError(absl::StrCat("adopting the pinned map ", name), "run `belfryd --uninstall` and start again");
    }
  }
  return absl::OkStatus();
}

absl::Status PinMaps(const Pins& pins, belfry_bpf* skeleton) {
  for (const char* name : kPinned) {
    if (MapOf(skeleton, name) == nullptr || pins.Get(absl::StrCat("map_", name))) continue;
    if (absl::Status s = pins.Put(absl::StrCat("map_", name), bpf_map__fd(MapOf(skeleton, name))); !s.ok()) return s;
  }
  return absl::OkStatus();
}

// Ours take the names one by one; the mark of those before stands until all have, and theirs act as long (Loaded::before).
absl::Status PinLinks(const BpfOptions& options, const Loaded& loaded) {
  absl::StatusOr<Pins> pins = Pins::Open(options.bpffs);
  if (!pins.ok()) return pins.status();
  if (absl::Status s = pins->MarkUnfinished(); !s.ok()) return s;
  std::vector<std::string> names;
  for (const auto& [hook, link] : loaded.links) {
    names.push_back(absl::StrCat("link_", hook));
    if (absl::Status s = pins->Put(names.back(), link.get()); !s.ok()) return s;
  }
  pins->Keep("link_", names);
  return pins->SetMark(MarkOf(*loaded.object, options));
}

void ChooseSizes(const BpfOptions& options, belfry_bpf* skeleton) {
  bpf_map__set_max_entries(skeleton->maps.connections, options.max_connections);
  bpf_map__set_max_entries(skeleton->maps.places, options.max_connections + 1);
  skeleton->rodata->circle = options.max_connections;
  bpf_map__set_max_entries(skeleton->maps.buckets, options.max_buckets);
  bpf_map__set_max_entries(skeleton->maps.bucket_places, options.max_buckets + 1);
  skeleton->rodata->bucket_circle = options.max_buckets;
  bpf_map__set_max_entries(skeleton->maps.processes, options.max_processes);
  bpf_map__set_max_entries(skeleton->maps.events, options.ring_bytes);
  skeleton->rodata->ring_room = options.ring_bytes / 8 * 7;
  // Both ends, and some more listeners than can be guarded.
  if (bpf_map* cookies = MapOf(skeleton, "cookies")) bpf_map__set_max_entries(cookies, 2 * options.max_connections + 8192);
}

// Maps of the pins are taken over before the kernel sees the object; links of the same object too.
absl::StatusOr<Loaded> LoadObject(const Object& object, Backend backend, const BpfOptions& options) {
  Loaded loaded{.skeleton = OpenObject(object), .object = &object};
  if (!loaded.skeleton) return kit::ErrnoError("reading our own programs", "the kernel needs CONFIG_DEBUG_INFO_BTF=y");
  ChooseSizes(options, loaded.skeleton.get());
  if (options.pin) {
    absl::StatusOr<Pins> pins = Pins::Open(options.bpffs);
    if (!pins.ok()) return pins.status();
    if (absl::Status s = AdoptMaps(*pins, loaded.skeleton.get()); !s.ok()) return s;
    AdoptLinks(backend, options, *pins, loaded);
  }
  ChoosePrograms(backend, options, loaded);
  loaded.adopted = !loaded.links.empty();
  loaded.generation = NewGeneration();
  loaded.skeleton->rodata->generation = loaded.generation;
  const int error = bpf_object__load_skeleton(loaded.skeleton->skeleton);
  if (error == 0) return loaded;
  errno = -error;
  return kit::ErrnoError(absl::StrCat("loading the programs for Linux ", object.since, " and later into the kernel"),
                         "run as root (CAP_BPF, CAP_PERFMON, CAP_NET_ADMIN) on Linux 5.10 or later; see `belfry doctor`");
}

absl::StatusOr<Loaded> LoadFirst(Backend backend, const BpfOptions& options) {
  // cgroup/connect_unix is younger than the newest floor: no use in trying the others.
  if (backend == Backend::kCgroup) return LoadObject(Objects().front(), backend, options);
  absl::StatusOr<Loaded> loaded;
  for (const Object& object : Objects()) {
    loaded = LoadObject(object, backend, options);
    if (loaded.ok()) break;
  }
  return loaded;
}

}  // namespace

absl::StatusOr<Loaded> Load(Backend backend, const BpfOptions& options) {
  // libbpf writes to stderr otherwise; what matters is in our errors and in `belfry doctor`. Its words are for who
  // changes bpf/: BELFRY_TEST_VERIFIER=1 shows them.
  if (std::getenv("BELFRY_TEST_VERIFIER") == nullptr) libbpf_set_print(nullptr);
  absl::StatusOr<Loaded> loaded = LoadFirst(backend, options);
  if (!loaded.ok() || !options.pin) return loaded;
  absl::StatusOr<Pins> pins = Pins::Open(options.bpffs);
  if (!pins.ok()) return pins.status();
  if (absl::Status s = PinMaps(*pins, loaded->skeleton.get()); !s.ok()) return s;
  return loaded;
}

absl::Status AttachHooks(Backend backend, const BpfOptions& options, Loaded& loaded) {
  if (loaded.adopted) return absl::OkStatus();
  absl::StatusOr<kit::OwnedFd> cgroup = OpenCgroupRoot();
  if (!cgroup.ok()) return cgroup.status();
  for (const Hook& hook : HooksOf(backend, options.refuse_splice)) {
    if (LeftOut(hook.name)) continue;
    const int program = bpf_program__fd(ProgramOf(loaded.skeleton.get(), hook.name));
    absl::StatusOr<kit::OwnedFd> link = Attach(hook, program, cgroup->get());
    if (!link.ok()) return link.status();
    loaded.links.emplace(hook.name, *std::move(link));
  }
  if (options.pin)
    if (absl::Status s = PinLinks(options, loaded); !s.ok()) return s;
  if (absl::Status s = LetAct(loaded); !s.ok()) return s;
  loaded.before.clear();
  return absl::OkStatus();
}

}  // namespace belfry::kernel
