#include "engine/evidence_reader.h"

#include <sys/stat.h>

#include <string_view>
#include <utility>

#include "host/process_files.h"
#include "kit/clock.h"

namespace belfry::engine {
namespace {

constexpr uint64_t kPatienceNs = 2 * kit::kSecondNs;  // nobody waits for an answer longer than that
constexpr std::string_view kDeleted = " (deleted)";

bool SameFile(const belfry_file_id& a, const belfry_file_id& b) {
  return a.dev == b.dev && a.ino == b.ino && a.generation == b.generation;
}

bool AskAgain(const absl::Status& status) {
  return absl::IsUnavailable(status) || absl::IsAborted(status) || absl::IsCancelled(status);
}

bool Unlinked(int fd) {
  struct stat file {};
  return fstat(fd, &file) == 0 && file.st_nlink == 0;
}

// An upgrade renames a new file over a running one: the name that this file had last is still what it was started as.
// Only where another file took the name; what was just deleted keeps the kernel's mark, as SPIRE's built-in says it.
std::string WithoutMarkOfUpgrade(std::string path) {
  if (!path.ends_with(kDeleted)) return path;
  const std::string name = path.substr(0, path.size() - kDeleted.size());
  struct stat successor {};
  return lstat(name.c_str(), &successor) == 0 && S_ISREG(successor.st_mode) ? name : path;
}

// Unlinked first, path second: then the mark is the kernel's. A file called "x (deleted)" that is unlinked between the
// two bears it twice at most, and one that is still linked is never relieved of its own name.
absl::StatusOr<std::string> NameOf(int fd) {
  const bool unlinked = Unlinked(fd);
  auto path = host::PathOf(fd);
  if (path.ok() && unlinked) return WithoutMarkOfUpgrade(*std::move(path));
  return path;
}

}  // namespace

// Nobody but root can have changed it. ACLs that let others write show in the group's bits.
bool GuardedByRoot(const struct stat& file) { return file.st_uid == 0 && (file.st_mode & (S_IWGRP | S_IWOTH)) == 0; }

// Are the bytes of now those that were executed? ETXTBSY does not say so: who shares the memory of a process may point
// mm->exe_file elsewhere (PR_SET_MM_MAP), write to the file and point it back. The change time does, where the exec did
// not fall into the tick of an earlier change (clocks of inodes are as coarse as a timer tick, 10 ms at most), and where
// it is the file's own: a mapping made through overlayfs changes the file below without telling.
bool Unchanged(const belfry_described_file& now, const belfry_file_id& image, uint64_t exec_ns) {
  constexpr uint64_t kTicksNs = 100'000'000;
  constexpr uint64_t kOverlay = 0x794C7630;
  if (exec_ns == 0 || now.fs_magic == kOverlay) return false;
  const uint64_t exec_real_ns = exec_ns + (kit::RealNs() - kit::BootNs());
  return now.id.ctime_ns == image.ctime_ns && now.id.size == image.size && image.ctime_ns + kTicksNs < exec_real_ns;
}

struct EvidenceReader::Job {
  uint32_t tgid = 0;
  uint32_t owner = 0;
  belfry_file_id image{};
  Wanted wanted;
  std::function<void(const Read&)> done;
  Read read;
  std::shared_ptr<kit::OwnedFd> exe;
  absl::Status exe_status;
  std::string exe_path;
  struct stat exe_owner {};

  // On a worker.
  void ReadProc() {
    const auto files = host::ProcessFiles::Open(tgid);
    if (!files.ok()) {
      read.status = files.status();
      return;
    }
    auto status = files->Status();
    read.status = status.status();
    if (!status.ok()) return;
    read.supplementary_gids = std::move(status->supplementary_gids);
    if (!wanted.path && !wanted.sha256) return;
    auto opened = files->OpenExeOfAnyThread(wanted.sha256);
    exe_status = opened.status();
    if (!opened.ok()) return;
    exe = std::make_shared<kit::OwnedFd>(*std::move(opened));
    auto path = NameOf(exe->get());
    exe_status = path.status();
    if (path.ok()) exe_path = *std::move(path);
    if (fstat(exe->get(), &exe_owner) != 0) exe_owner = {.st_mode = S_IWOTH};
  }
};

void EvidenceReader::Start(uint32_t tgid, uint32_t owner, const belfry_file_id& image, const Wanted& wanted,
                           std::function<void(const Read&)> done) {
  auto job = std::make_shared<Job>();
  job->tgid = tgid;
  job->owner = owner;
  job->image = image;
  job->wanted = wanted;
  job->done = std::move(done);
  const absl::Status queued = readers_.Submit(
      owner, kit::BootNs() + kPatienceNs, [job](const std::atomic<bool>&) { job->ReadProc(); },
      [this, job](const absl::Status& ended) {
        if (ended.ok()) return Identify(job);
        job->done({.status = ended});  // what the worker writes may be half there: not looked at
      });
  if (!queued.ok()) job->done({.status = queued});
}

void EvidenceReader::Identify(const std::shared_ptr<Job>& job) {
  Read& read = job->read;
  if (!read.status.ok() || (!job->wanted.path && !job->wanted.sha256)) return job->done(read);
  const auto absent = [&](const std::string& why) {
    read.absent = why;
    job->done(read);
  };
  if (!job->exe_status.ok()) return absent(std::string(job->exe_status.message()));
  const auto described = kernel_.Describe(job->exe->get());
  if (!described.ok()) return absent(std::string(described.status().message()));
  if (!SameFile(described->id, job->image)) return absent("the executable now is not the file that was executed");
  if ((described->place & ~job->wanted.tolerated_place) != 0)
    return absent("its executable was reached through another mount namespace (container_paths)");
  if (job->wanted.path) read.path = job->exe_path;
  if (!job->wanted.sha256) return job->done(read);
  if (!GuardedByRoot(job->exe_owner) && !Unchanged(*described, job->image, job->wanted.exec_ns)) {
    // What was computed before the change, of this very image, stands.
    const bool settled = Unchanged({.id = job->image, .fs_magic = described->fs_magic}, job->image, job->wanted.exec_ns);
    read.sha256 = settled ? digests_.Known(*described, job->image) : std::nullopt;
    if (read.sha256) return job->done(read);
    return absent("sha256: its executable was changed at or after its exec, and others than root may write to it");
  }
  digests_.Start(job->exe, *described, job->wanted.size_limit, job->exe_owner.st_uid,
                 [job](const absl::StatusOr<std::string>& digest) {
    if (digest.ok())
      job->read.sha256 = *digest;
    else if (AskAgain(digest.status()))
      job->read.status = digest.status();
    else
      job->read.absent = std::string(digest.status().message());
    job->done(job->read);
  });
}

}  // namespace belfry::engine
