#include "demo/props.h"

#include <fcntl.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "host/digest.h"
#include "kit/error.h"

namespace belfry::demo {
namespace {

namespace fs = std::filesystem;

// Each program of the cast is the actor with a line appended: another digest, the same behaviour.
constexpr const char* kCast[] = {"payments", "billing", "intruder"};

absl::StatusOr<std::string> FindNear(const fs::path& here, const std::string& name) {
  for (const char* place : {".", "../sbin", "../bin", "../libexec/belfry", "../lib/belfry"}) {
    std::error_code error;
    const fs::path found = fs::weakly_canonical(here / place / name, error);
    if (!error && access(found.c_str(), R_OK) == 0) return found.string();
  }
  return kit::Error(absl::StatusCode::kNotFound, "find " + name, "it is not beside belfry",
                    "build or install all programs together");
}

std::string Scratch() {
  const char* chosen = getenv("TMPDIR");
  for (std::string place : {std::string(chosen ? chosen : "/tmp"), std::string("/var/tmp"), std::string("/run")}) {
    struct statvfs mounted {};
    if (statvfs(place.c_str(), &mounted) == 0 && !(mounted.f_flag & ST_NOEXEC) && place.size() < 40) return place;
  }
  return "/tmp";
}

}  // namespace

absl::StatusOr<Programs> FindPrograms() {
  const auto* executed = reinterpret_cast<const char*>(getauxval(AT_EXECFN));
  std::error_code error;
  const fs::path here = fs::canonical(executed ? executed : "", error).parent_path();
  Programs programs;
  const std::pair<const char*, std::string*> wanted[] = {{"belfryd", &programs.belfryd},
                                                         {"belfry-spire-plugin", &programs.plugin},
                                                         {"belfry-demo-actor", &programs.actor},
                                                         {"belfry-demo-foreign.so", &programs.foreign}};
  for (const auto& [name, where] : wanted) {
    auto found = FindNear(here, name);
    if (!found.ok()) return found.status();
    *where = *found;
  }
  return programs;
}

absl::StatusOr<std::string> DigestOf(const std::string& file) {
  kit::OwnedFd opened(open(file.c_str(), O_RDONLY | O_CLOEXEC));
  if (!opened) return kit::ErrnoError("open " + file);
  return host::Sha256(opened.get());
}

absl::Status Props::MakeFolder() {
  std::string pattern = Scratch() + "/belfry-demo.XXXXXX";
  if (mkdtemp(pattern.data()) == nullptr) return kit::ErrnoError("make the demo's folder " + pattern);
  folder_ = pattern;
  for (const char* below : {"/bin", "/run", "/agent"}) mkdir((folder_ + below).c_str(), 0755);
  if (chmod(folder_.c_str(), 0755) != 0) return kit::ErrnoError("open the demo's folder to its workloads");
  return absl::OkStatus();
}

absl::Status Props::CallJanitor(const std::string& actor) {
  int pipe[2];
  if (pipe2(pipe, O_CLOEXEC) != 0) return kit::ErrnoError("open the janitor's lifeline");
  kit::OwnedFd end(pipe[0]);
  lifeline_ = kit::OwnedFd(pipe[1]);
  ChildOrder order;
  order.arguments = {actor, "janitor", std::to_string(kControl), folder_};
  order.control = end.get();
  order.outlives = true;
  auto janitor = Child::Start(order);
  if (!janitor.ok()) return janitor.status();
  janitor_ = *std::move(janitor);
  return absl::OkStatus();
}

absl::StatusOr<Props> Props::Lay(const Programs& programs) {
  Props props;
  absl::Status made = props.MakeFolder();
  if (made.ok()) made = props.CallJanitor(programs.actor);
  if (!made.ok()) return made;
  std::error_code error;
  for (const char* name : kCast) {
    fs::copy_file(programs.actor, props.program(name), error);
    std::ofstream(props.program(name), std::ios::app | std::ios::binary) << "\n" << name << "\n";
    if (!error) fs::permissions(props.program(name), fs::perms(0755), error);
  }
  fs::copy_file(programs.foreign, props.program("foreign.so"), error);
  if (error) return kit::Error(absl::StatusCode::kInternal, "copy the cast", error.message());
  return props;
}

Props::~Props() {
  if (folder_.empty()) return;
  lifeline_.Reset();  // the janitor removes the folder and ends
  janitor_.Reap();
}

absl::StatusOr<std::vector<Entry>> Props::Entries() const {
  std::vector<Entry> entries;
  for (const std::string name : {"payments", "billing"}) {
    auto digest = DigestOf(program(name));
    if (!digest.ok()) return digest.status();
    entries.push_back({std::string("spiffe://demo.belfry/") + name,
                       {"unix:uid:" + std::to_string(kWorkloadUid), "unix:path:" + program(name),
                        "unix:sha256:" + *digest}});
  }
  return entries;
}

absl::Status Props::Upgrade(const std::string& name) const {
  std::error_code error;
  fs::copy_file(program(name), program(name) + ".new", error);
  if (!error) fs::rename(program(name) + ".new", program(name), error);
  if (error) return kit::Error(absl::StatusCode::kInternal, "upgrade " + name, error.message());
  return absl::OkStatus();
}

}  // namespace belfry::demo
